# methods: paired_change, holm, hochberg, hommel, bh, by
# tolerance: 1e-7
# needs: summary.R
# source: the 2^n signs of n differences (wilcox.test where there is no tie and no zero); Hollander and Wolfe, 1999, section 3.1
# Zeros are ranked and their ranks left out (Pratt, JASA 1959;54:655).
signed_rank_p <- function(x) {
  size <- abs(x)
  if (all(x == 0)) return(1)
  if (!any(x == 0) && !anyDuplicated(size)) return(wilcox.test(x, exact = TRUE)$p.value)
  ranks <- rank(size)[x != 0]
  observed <- abs(sum(ranks * sign(x[x != 0])))
  if (length(ranks) <= 14) {  # every sign of every difference
    sums <- 0
    for (rank in ranks) sums <- c(sums + rank, sums - rank)
    return(mean(abs(sums) >= observed - 1e-9))
  }
  ways <- 1  # of each sum of doubled ranks
  for (rank in 2 * ranks) ways <- (c(ways, numeric(rank)) + c(numeric(rank), ways)) / 2
  sums <- seq_along(ways) - 1
  sum(ways[abs(sums - sum(ranks)) >= observed - 1e-9])
}
redo_paired_change <- function(x, unpaired, scale, level, at_least, first, second, values, ...) {
  if (!missing(first)) return(redo_shift(first, second, scale, level, at_least))
  if (!missing(values)) return(redo_visit(values, scale = scale, level = level, at_least = at_least, ...))
  back <- if (scale == "log") exp else identity
  n <- length(x)
  found <- list(n = n, rose = sum(x > 0), fell = sum(x < 0), unchanged = sum(x == 0), estimate = NA,
    lower = NA, upper = NA, p = NA)
  if (n == 0) return(found)
  averages <- outer(x, x, "+") / 2
  averages <- sort(averages[lower.tri(averages, diag = TRUE)])
  found$estimate <- back(median(averages))
  alpha <- round(1 - level, 12)
  place <- sum(psignrank(0:(n * (n + 1) / 2), n) <= alpha / 2)
  if (place > 0) {
    found$lower <- back(averages[place])
    found$upper <- back(averages[length(averages) + 1 - place])
  }
  if (n >= at_least) found$p <- signed_rank_p(x)
  found
}
signed_sums <- function(sizes) {  # every sum that signs can give; NULL where they are too many to look at
  if (length(sizes) > 18) return(NULL)
  sums <- 0
  for (size in sizes) sums <- c(sums + size, sums - size)
  sums
}
student <- function(x, level, back = identity) {  # t.test; without spread there is no interval and no p
  found <- list(estimate = if (length(x)) back(mean(x)) else NA, lower = NA, upper = NA, df = NA, p = NA)
  if (length(x) < 2 || sd(x) <= 1e-12 * max(abs(x))) return(found)
  test <- t.test(x, conf.level = level)
  list(estimate = back(mean(x)), lower = back(test$conf.int[1]), upper = back(test$conf.int[2]),
    df = unname(test$parameter), p = test$p.value)
}
# Values at a visit and baselines (on the scale), NA where not measured: the values, their changes, the tests.
redo_visit <- function(values, baseline, scale, level, at_least, family = NULL, place = NA, adjust = NULL) {
  forward <- if (scale == "log") function(x) ifelse(x > 0, log(pmax(x, 1e-300)), NA) else identity
  back <- if (scale == "log") exp else identity
  both <- !is.na(values) & !is.na(baseline) & !is.na(forward(values))
  x <- round(forward(values[both]) - baseline[both], 9)
  spread <- function(x, prefix) {
    found <- redo_summary(x)
    setNames(found, paste0(prefix, names(found)))
  }
  found <- c(spread(values[!is.na(values)], ""), spread(back(baseline[both]), "baseline_"),
    spread(round(values[both] - back(baseline[both]), 9), "change_"))
  t <- student(x, level, back)
  exact <- redo_paired_change(x, 0, scale, level, at_least)
  found <- c(found, exact[c("rose", "fell", "unchanged", "estimate", "lower", "upper", "p")], list(
    pairs = length(x), unpaired = length(values) - length(x), t_mean = t$estimate, t_lower = t$lower,
    t_upper = t$upper, p_t = t$p, p_minimum = min(1, 2 * 0.5^sum(x != 0))))
  ranks <- rank(abs(x))[x != 0]
  sums <- signed_sums(ranks)
  if (!is.null(sums)) {
    here <- abs(sum(ranks * sign(x[x != 0])))
    found$mid_p <- if (length(ranks) == 0) 1 else mean(abs(sums) > here + 1e-9) + mean(abs(abs(sums) - here) < 1e-9) / 2
    if (here < 1e-9 && length(ranks)) found$mid_p <- 1 - mean(abs(sums) < 1e-9) / 2
    found$p_sign_flip <- mean(abs(signed_sums(x)) >= abs(sum(x)) * (1 - 1e-12) - 1e-12)
  }
  found$p_wilcoxon <- if (all(x == 0)) 1 else signed_rank_p(x[x != 0])
  found$p_sign <- if (all(x == 0)) 1 else binom.test(sum(x > 0), sum(x != 0))$p.value
  few <- length(x) == 0 || length(x) < at_least
  for (name in intersect(c("p", "mid_p", "p_wilcoxon", "p_sign", "p_sign_flip", "p_t"), names(found)))
    if (few) found[[name]] <- NA
  if (!is.null(family)) found$p_adjusted <- adjusted(family, place, adjust)
  found
}
adjusted <- function(family, place, adjust) {  # what is not tested stays in the family as 1
  if (is.na(family[place])) return(NA)
  name <- c(holm = "holm", hochberg = "hochberg", hommel = "hommel", bh = "BH", by = "BY")[[adjust]]
  p.adjust(ifelse(is.na(family), 1, family), name)[place]
}
redo_holm <- redo_hochberg <- redo_hommel <- redo_bh <- redo_by <- function(family, place, adjust) {
  list(p = family[place], p_adjusted = adjusted(family, place, adjust))
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
