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
