# methods: friedman, cochran, quade, page, anova-type
# tolerance: 1e-5
# source: friedman.test, quade.test; exact p by every order of every row where these are few; Brunner, Domhof and Langer, 2002
rows_of <- function(matrix) if (length(matrix)) do.call(rbind, matrix) else base::matrix(0, 0, 2)
orders <- function(row) {  # the orders of one row, one in each line
  if (length(row) == 1) return(base::matrix(row))
  do.call(rbind, lapply(seq_along(row), function(i) cbind(row[i], orders(row[-i]))))
}
column_sum_p <- function(scores) {  # P(column sums spread as far as here) over every order of every row
  moving <- scores[apply(scores, 1, function(row) diff(range(row)) > 0), , drop = FALSE]
  if (ncol(scores) > 6) return(NULL)
  sums <- base::matrix(colSums(scores) - colSums(moving), 1); chance <- 1
  for (i in seq_len(nrow(moving))) {
    each <- unique(orders(moving[i, ]))
    if (nrow(sums) * nrow(each) > 3e4) return(NULL)  # too many to look at
    grown <- sums[rep(seq_len(nrow(sums)), each = nrow(each)), , drop = FALSE] +
      each[rep(seq_len(nrow(each)), nrow(sums)), , drop = FALSE]
    grown <- t(apply(grown, 1, sort))
    weights <- rep(chance / nrow(each), each = nrow(each))
    key <- apply(round(grown, 6), 1, paste, collapse = " ")
    chance <- tapply(weights, key, sum)
    sums <- grown[match(names(chance), key), , drop = FALSE]
    chance <- as.vector(chance)
  }
  sum(chance[rowSums(sums^2) >= sum(colSums(scores)^2) - 1e-6])
}
head_of <- function(y) list(n = nrow(y))
constant <- function(y) nrow(y) == 0 || ncol(y) < 2 || all(apply(y, 1, function(row) diff(range(row)) == 0))
none <- list(statistic = NA, df = NA, df2 = NA, p_asymptotic = NA, p = NA)
redo_friedman <- function(matrix) {
  y <- rows_of(matrix)
  if (constant(y)) return(c(head_of(y), none))
  test <- friedman.test(y)
  found <- c(head_of(y), list(statistic = unname(test$statistic), df = unname(test$parameter),
    p_asymptotic = test$p.value))
  found$p <- column_sum_p(t(apply(y, 1, rank)))
  found
}
redo_cochran <- function(matrix) {
  y <- rows_of(matrix)
  if (constant(y)) return(c(head_of(y), none))
  columns <- colSums(y); rows <- rowSums(y); k <- ncol(y)
  q <- (k - 1) * (k * sum(columns^2) - sum(columns)^2) / (k * sum(rows) - sum(rows^2))
  found <- c(head_of(y), list(statistic = q, df = k - 1, p_asymptotic = pchisq(q, k - 1, lower.tail = FALSE)))
  found$p <- column_sum_p(y)
  found
}
redo_quade <- function(matrix) {
  y <- rows_of(matrix)
  if (nrow(y) < 2 || constant(y)) return(c(head_of(y), none))
  test <- quade.test(y)
  found <- c(head_of(y), list(statistic = unname(test$statistic), df = unname(test$parameter[1]),
    df2 = unname(test$parameter[2])))
  if (is.finite(test$statistic)) found$p_asymptotic <- test$p.value
  weights <- rank(apply(y, 1, function(row) diff(range(row))))
  found$p <- column_sum_p(2 * weights * (t(apply(y, 1, rank)) - (ncol(y) + 1) / 2))
  found
}
redo_page <- function(matrix) {
  y <- rows_of(matrix)
  if (constant(y)) return(c(head_of(y), none))
  ranks <- t(apply(y, 1, rank)); n <- nrow(ranks); k <- ncol(ranks); order <- seq_len(k)
  away <- sum(ranks %*% order) - n * k * (k + 1)^2 / 4
  z <- away / sqrt(sum((ranks - (k + 1) / 2)^2) * sum((order - mean(order))^2) / (k - 1))
  found <- c(head_of(y), list(statistic = z, p_asymptotic = 2 * pnorm(-abs(z))))
  if (k <= 7) {
    chance <- 1; least <- 0  # of each doubled sum, from the least on
    for (i in seq_len(n)) {
      sums <- round(2 * orders(ranks[i, ]) %*% order)
      each <- tabulate(sums - min(sums) + 1) / length(sums)
      chance <- convolve(chance, rev(each), type = "open"); least <- least + min(sums)
    }
    sums <- least + seq_along(chance) - 1 - n * k * (k + 1)^2 / 2
    found$p <- sum(chance[abs(sums) >= abs(2 * away) - 1e-6])
  }
  found
}
redo_anova_type <- function(matrix) {
  y <- rows_of(matrix); n <- nrow(y); k <- ncol(y)
  if (n < 2 || k < 2) return(c(head_of(y), none))
  ranks <- base::matrix(rank(y), n)
  centre <- diag(k) - 1 / k
  spread <- centre %*% cov(ranks) %*% centre
  trace <- sum(diag(spread))
  if (trace <= 1e-14 * (n * k)^2) return(c(head_of(y), none))
  means <- colMeans(ranks)
  statistic <- n * drop(means %*% centre %*% means) / trace
  df <- trace^2 / sum(spread^2)
  c(head_of(y), list(statistic = statistic, df = df, df2 = df * (n - 1),
    p_asymptotic = pchisq(df * statistic, df, lower.tail = FALSE),
    p = pf(statistic, df, df * (n - 1), lower.tail = FALSE)))
}
