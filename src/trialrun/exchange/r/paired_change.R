# methods: paired_change
# tolerance: 1e-7
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
redo_paired_change <- function(x, unpaired, scale, level, at_least) {
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
