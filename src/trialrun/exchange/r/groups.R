# methods: anova, kruskal-wallis, chi-square, fisher
# tolerance: 1e-7
# source: R's oneway.test, kruskal.test, chisq.test without correction, fisher.test (Freeman-Halton)
redo_anova <- function(groups) {
  there <- Filter(length, groups)
  y <- unlist(there)
  by <- factor(rep(seq_along(there), lengths(there)))
  constant <- all(vapply(there, function(x) all(x == x[1]), TRUE))
  if (length(there) < 2 || length(y) <= length(there) || constant) return(list(p = NA))
  list(p = oneway.test(y ~ by, var.equal = TRUE)$p.value)
}
redo_kruskal_wallis <- function(groups) {
  there <- Filter(length, groups)
  if (length(there) < 2 || length(unique(unlist(there))) < 2) return(list(p = NA))
  list(p = kruskal.test(there)$p.value)
}
filled <- function(table) {
  counts <- do.call(rbind, table)
  counts[rowSums(counts) > 0, colSums(counts) > 0, drop = FALSE]
}
redo_chi_square <- function(table) {
  counts <- filled(table)
  if (nrow(counts) < 2 || ncol(counts) < 2) return(list(p = NA))
  list(p = suppressWarnings(chisq.test(counts, correct = FALSE))$p.value)
}
redo_fisher <- function(table) {
  counts <- filled(table)
  if (nrow(counts) < 2 || ncol(counts) < 2) return(list(p = NA))
  list(p = fisher.test(counts, workspace = 2e7)$p.value)
}
