# methods: cmh-general, cmh-means, cmh-correlation
# tolerance: 1e-7
# source: Landis, Heyman and Koch, Int Stat Rev 1978;46:237, as quadratic forms; mantelhaen.test for general association
redo_cmh <- function(strata, scores, kind) {
  tables <- lapply(strata, function(table) do.call(rbind, table))
  tables <- Filter(function(table) sum(table) > 1, tables)
  if (length(tables) == 0) return(list(p = NA))
  r <- nrow(tables[[1]]); k <- ncol(tables[[1]])
  groups <- if (kind == "correlation") matrix(seq_len(r), 1) else diag(r)[-r, , drop = FALSE]
  answers <- if (kind == "general") diag(k)[-k, , drop = FALSE] else matrix(scores, 1)
  both <- kronecker(answers, groups)
  off <- 0; spread <- 0
  for (table in tables) {
    n <- sum(table); rows <- rowSums(table) / n; columns <- colSums(table) / n
    off <- off + both %*% c(table - n * outer(rows, columns))
    v <- kronecker(diag(columns, k) - outer(columns, columns), diag(rows, r) - outer(rows, rows)) * n^2 / (n - 1)
    spread <- spread + both %*% v %*% t(both)
  }
  pieces <- eigen(spread, symmetric = TRUE)
  kept <- pieces$values > 1e-9 * max(1, pieces$values)
  if (!any(kept)) return(list(p = NA))
  statistic <- sum((crossprod(pieces$vectors[, kept, drop = FALSE], off))^2 / pieces$values[kept])
  list(p = pchisq(statistic, sum(kept), lower.tail = FALSE))
}
redo_cmh_general <- function(strata, scores = NULL) if (is.null(scores)) list(p = NA) else redo_cmh(strata, scores, "general")
redo_cmh_means <- function(strata, scores = NULL) if (is.null(scores)) list(p = NA) else redo_cmh(strata, scores, "means")
redo_cmh_correlation <- function(strata, scores = NULL) if (is.null(scores)) list(p = NA) else redo_cmh(strata, scores, "correlation")
