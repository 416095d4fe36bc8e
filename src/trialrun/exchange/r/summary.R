# methods: summary
# tolerance: 1e-9
# source: quantiles of type 2, SAS definition 5 (Hyndman and Fan, Am Stat 1996;50:361)
redo_summary <- function(x) {
  n <- length(x)
  if (n == 0) return(list(n = 0, mean = NA, sd = NA, se = NA, cv = NA, sum = NA, median = NA, q1 = NA,
    q3 = NA, min = NA, max = NA, geometric_mean = NA, geometric_sd = NA))
  quartile <- unname(quantile(x, c(0.25, 0.5, 0.75), type = 2))
  positive <- all(x > 0)
  list(n = n, mean = mean(x), sd = sd(x), se = sd(x) / sqrt(n), cv = 100 * sd(x) / mean(x), sum = sum(x),
    median = quartile[2], q1 = quartile[1], q3 = quartile[3], min = min(x), max = max(x),
    geometric_mean = if (positive) exp(mean(log(x))) else NA,
    geometric_sd = if (positive) exp(sd(log(x))) else NA)
}
