# methods: proportion, proportion_without_event, organ_response, organs
# tolerance: 1e-6
# source: binom.test (Clopper and Pearson, 1934); Blaker, Can J Stat 2000;28:783; others by their definition
# Every interval takes the probabilities of missing `below` and `above`, in proportions.
share <- function(x, n) if (n == 0) NA else 100 * x / n
solved <- function(f, from, to) uniroot(f, c(from, to), tol = 1e-14)$root
inside <- 1e-15
log_likelihood <- function(p, x, n) sum(c(if (x > 0) x * log(p), if (x < n) (n - x) * log(1 - p)))
by_acceptance <- function(accepts, x, n) {  # the closure of every p that is accepted: a grid, then bisection
  if (n == 0) return(c(NA, NA))
  grid <- sort(unique(c(seq(0, 1, length.out = 2001), x / n)))
  ok <- vapply(grid, accepts, TRUE)
  halve <- function(out, into) {
    for (i in 1:60) {
      middle <- (out + into) / 2
      if (accepts(middle)) into <- middle else out <- middle
    }
    into
  }
  first <- which(ok)[1]
  last <- tail(which(ok), 1)
  c(if (first == 1) 0 else halve(grid[first - 1], grid[first]),
    if (last == length(grid)) 1 else halve(grid[last + 1], grid[last]))
}
binomial_interval <- function(x, n, below, above, method) {
  if (n == 0) return(c(NA, NA))
  z <- qnorm(1 - c(below, above)); p <- x / n; sides <- c(-1, 1)
  if (below == 0) z[1] <- 0
  if (above == 0) z[2] <- 0
  wilson <- function(x) (x + z^2 / 2 + sides * z * sqrt(x * (n - x) / n + z^2 / 4)) / (n + z^2)
  exact <- c(if (x > 0 && below > 0) binom.test(x, n, alternative = "greater", conf.level = 1 - below)$conf.int[1] else 0,
    if (x < n && above > 0) binom.test(x, n, alternative = "less", conf.level = 1 - above)$conf.int[2] else 1)
  ends <- switch(method,
    "clopper-pearson" = exact,
    "wilson" = wilson(x),
    "wilson-cc" = c(wilson(max(0, x - 0.5))[1], wilson(min(n, x + 0.5))[2]),
    "agresti-coull" = {
      centre <- (x + z^2 / 2) / (n + z^2)
      pmin(1, pmax(0, centre + sides * z * sqrt(centre * (1 - centre) / (n + z^2))))
    },
    "wald" = if (x %in% c(0, n)) return(c(NA, NA)) else pmin(1, pmax(0, p + sides * z * sqrt(p * (1 - p) / n))),
    "logit" = if (x %in% c(0, n)) exact else plogis(qlogis(p) + sides * z * sqrt(1 / x + 1 / (n - x))),
    "jeffreys" = qbeta(c(below, 1 - above), x + 0.5, n - x + 0.5),
    "mid-p" = c(
      if (x > 0 && below > 0) solved(function(p) pbinom(x, n, p, FALSE) + dbinom(x, n, p) / 2 - below, inside, 1 - inside) else 0,
      if (x < n && above > 0) solved(function(p) pbinom(x - 1, n, p) + dbinom(x, n, p) / 2 - above, inside, 1 - inside) else 1),
    "likelihood-ratio" = {
      loss <- function(at) 2 * (log_likelihood(p, x, n) - log_likelihood(at, x, n))
      c(if (x > 0 && below > 0) solved(function(at) loss(at) - z[1]^2, 1e-300, p) else 0,
        if (x < n && above > 0) solved(function(at) loss(at) - z[2]^2, p, 1 - inside) else 1)
    },
    "blaker" = by_acceptance(function(p) {
      lower <- pbinom(x, n, p); upper <- pbinom(x - 1, n, p, FALSE)
      if (lower < upper) lower + pbinom(qbinom(1 - lower, n, p), n, p, FALSE) > below + above
      else upper + pbinom(qbinom(upper, n, p) - 1, n, p) > below + above
    }, x, n),
    "sterne" = by_acceptance(function(p) {
      each <- dbinom(0:n, n, p)
      sum(each[each <= dbinom(x, n, p) * (1 + 1e-10)]) > below + above
    }, x, n),
    stop("no counterpart"))
  if (x == 0 || below == 0) ends[1] <- 0
  if (x == n || above == 0) ends[2] <- 1
  ends
}
missed <- function(level, side = "two-sided") {
  alpha <- round(1 - level, 12)
  switch(side, "two-sided" = c(alpha, alpha) / 2, "upper" = c(0, alpha), "lower" = c(alpha, 0))
}
highest_density <- function(a, b, level) {  # the shortest interval of this probability
  if (a < 1 && b < 1) return(c(NA, NA))
  if (a == b) return(qbeta(c((1 - level) / 2, (1 + level) / 2), a, b))
  if (a <= 1) return(c(0, qbeta(level, a, b)))
  if (b <= 1) return(c(qbeta(1 - level, a, b), 1))
  slope <- function(low) {
    ends <- qbeta(c(low, low + level), a, b)
    diff(dbeta(ends, a, b, log = TRUE))
  }
  low <- solved(slope, 1e-12, (1 - level) * (1 - 1e-12))
  qbeta(c(low, low + level), a, b)
}
redo_proportion <- function(x, n, level = 0.95, interval = NULL, side = "two-sided", prior = NULL,
                            threshold = NULL, at = NULL) {
  found <- list(x = x, n = n, percent = share(x, n))
  if (!is.null(prior)) {
    a <- prior[1] + x; b <- prior[2] + n - x
    found <- c(found, list(mean = 100 * a / (a + b), a = a, b = b))
    if (!is.null(threshold)) found$probability <- pbeta(threshold, a, b, lower.tail = FALSE)
    if (!is.null(at)) {
      found <- c(found, list(p = at, prior = dbeta(at, prior[1], prior[2]), posterior = dbeta(at, a, b)))
    }
  }
  if (!is.null(interval)) {
    ends <- switch(interval,
      "equal-tail" = qbeta(missed(level) * c(1, -1) + c(0, 1), a, b),
      "highest-density" = highest_density(a, b, level),
      binomial_interval(x, n, missed(level, side)[1], missed(level, side)[2], interval))
    found <- c(found, list(lower = 100 * ends[1], upper = 100 * ends[2]))
  }
  found
}
redo_organ_response <- function(x, n, level) {
  ends <- 100 * binomial_interval(x, n, missed(level)[1], missed(level)[2], "clopper-pearson")
  list(x = x, n = n, percent = share(x, n), lower = ends[1], upper = ends[2], none = n - x)
}
redo_organs <- redo_organ_response
redo_proportion_without_event <- function(x, n, lost, level) {
  alpha <- round(1 - level, 12)
  c(redo_organ_response(x, n, level), list(
    rate_upper = 100 * binomial_interval(n - x, n, 0, alpha, "clopper-pearson")[2], observed = n - x - lost,
    complete_x = x, complete_n = n - lost, complete_percent = share(x, n - lost)))
}
redo_difference <- function(x, n, level) {  # Newcombe, Stat Med 1998;17:873, method 10; Fisher's exact test
  if (any(n == 0)) return(list(difference = NA, difference_lower = NA, difference_upper = NA, difference_p = NA))
  ends <- mapply(binomial_interval, x, n, MoreArgs = list(missed(level)[1], missed(level)[2], "wilson"))
  p <- x / n
  list(difference = 100 * (p[1] - p[2]),
    difference_lower = 100 * (p[1] - p[2] - sqrt((p[1] - ends[1, 1])^2 + (ends[2, 2] - p[2])^2)),
    difference_upper = 100 * (p[1] - p[2] + sqrt((ends[2, 1] - p[1])^2 + (p[2] - ends[1, 2])^2)),
    difference_p = fisher.test(rbind(x, n - x))$p.value)
}
