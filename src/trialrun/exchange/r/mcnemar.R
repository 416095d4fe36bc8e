# methods: positive
# tolerance: 1e-7
# needs: proportion.R
# source: binom.test of those who changed (McNemar, Psychometrika 1947;12:153); mid-P: Fagerland et al., BMC Med Res Methodol 2013;13:91
redo_positive <- function(before, after, level) {
  known <- !is.na(after)
  both <- known & !is.na(before)
  lost <- sum(before[both] == 1 & after[both] == 0); gained <- sum(before[both] == 0 & after[both] == 1)
  n <- lost + gained
  found <- list(x = sum(after[known] == 1), N = sum(known), percent = share(sum(after[known] == 1), sum(known)),
    pairs = sum(both), lost = lost, gained = gained, odds_ratio = NA, lower = NA, upper = NA, p = NA, mid_p = NA)
  if (n == 0) return(found)
  test <- binom.test(gained, n, conf.level = level)
  found$odds_ratio <- gained / lost
  found$lower <- test$conf.int[1] / (1 - test$conf.int[1])
  found$upper <- test$conf.int[2] / (1 - test$conf.int[2])
  found$p <- test$p.value
  each <- dbinom(0:n, n, 0.5); here <- dbinom(gained, n, 0.5)
  found$mid_p <- sum(each[each < here * (1 - 1e-9)]) + sum(each[abs(each - here) < here * 1e-9]) / 2
  found
}
