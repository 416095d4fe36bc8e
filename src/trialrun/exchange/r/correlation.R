# methods: correlation
# tolerance: 1e-7
# source: cor; exact p by going through every subset of the pairings (up to 12 pairs), cor.test without ties
subset_p <- function(a, b) {  # P(sum of a[i] * b[pairing of i] as far from its mean as here), mid-P; mid-ranks
  n <- length(a)
  a <- 2 * a - (n + 1); b <- 2 * b - (n + 1)  # whole numbers of mean 0
  reach <- sum(abs(sort(a) * sort(b))) + max(abs(a)) * max(abs(b))
  ways <- vector("list", 2^n)
  ways[[1]] <- replace(numeric(2 * reach + 1), reach + 1, 1)
  shifted <- function(x, by) if (by == 0) x else if (by > 0) c(numeric(by), head(x, -by)) else c(tail(x, by), numeric(-by))
  bits <- 2^(0:(n - 1))
  for (set in 0:(2^n - 2)) {
    here <- ways[[set + 1]]
    ways[set + 1] <- list(NULL)
    inside <- bitwAnd(set, bits) > 0
    i <- sum(inside) + 1
    for (j in which(!inside)) {
      then <- set + bits[j] + 1
      more <- shifted(here, a[i] * b[j])
      ways[[then]] <- if (is.null(ways[[then]])) more else ways[[then]] + more
    }
  }
  chance <- ways[[2^n]] / factorial(n)
  sums <- abs(seq_along(chance) - reach - 1); observed <- abs(sum(a * b))
  at_least <- sum(chance[sums >= observed - 1e-9])
  c(at_least, at_least - sum(chance[abs(sums - observed) < 1e-9]) / 2)
}
redo_correlation <- function(x, y) {
  n <- length(x)
  found <- list(n = n)
  if (n < 2 || length(unique(x)) < 2 || length(unique(y)) < 2) {
    return(c(found, list(rho = NA, p = NA, mid_p = NA, tau = NA, p_tau = NA, mid_p_tau = NA)))
  }
  found$rho <- cor(rank(x), rank(y))
  found$tau <- cor(x, y, method = "kendall")
  tied <- anyDuplicated(x) || anyDuplicated(y)
  if (n <= 12) {
    both <- subset_p(rank(x), rank(y))
    found$p <- min(1, both[1]); found$mid_p <- both[2]
  }
  if (!tied) found$p_tau <- cor.test(x, y, method = "kendall", exact = TRUE)$p.value
  found
}
