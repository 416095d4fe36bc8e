# methods: imputation
# tolerance: 2e-6
# needs: paired_change.R, summary.R
# source: t.test of the pairs that were measured
redo_imputation <- function(before, after, level, scale = NULL, shift = NULL, ...) {
  if (!is.null(shift)) return(list())  # draws are nobody else's
  x <- round((after - before)[!is.na(after)], 9)
  t <- student(x, level, if (scale == "log") exp else identity)
  if (is.na(t$p)) t$estimate <- NA
  c(t, list(n = length(x), imputed = 0, fmi = if (is.na(t$p)) NA else 0,
    p_exact = if (length(x)) signed_rank_p(x) else NA))
}
rank_sum_p <- function(first, second) {
  both <- c(first, second); m <- length(first); n <- length(second)
  if (!anyDuplicated(both)) return(wilcox.test(first, second, exact = TRUE)$p.value)
  ranks <- rank(both); middle <- m * (m + n + 1) / 2
  if (choose(m + n, m) > 2e5) return(NULL)  # too many choices to look at each
  sums <- colSums(combn(ranks, m))
  mean(abs(sums - middle) >= abs(sum(ranks[seq_len(m)]) - middle) - 1e-9)
}
redo_shift <- function(first, second, scale, level, at_least) {  # Hodges and Lehmann, 1963; Moses, 1953
  back <- if (scale == "log") exp else identity
  m <- length(first); n <- length(second)
  found <- list(difference = NA, difference_lower = NA, difference_upper = NA, difference_p = NA)
  if (m == 0 || n == 0) return(found)
  differences <- sort(outer(first, second, "-"))
  found$difference <- back(median(differences))
  place <- sum(pwilcox(0:(m * n), m, n) <= round(1 - level, 12) / 2)
  if (place > 0) {
    found$difference_lower <- back(differences[place])
    found$difference_upper <- back(differences[length(differences) + 1 - place])
  }
  if (min(m, n) >= at_least) found["difference_p"] <- list(rank_sum_p(first, second))
  found
}
