# methods: boundary, operating_characteristics
# tolerance: 1e-6
# source: the rule itself (from `starts` participants on, `limits` events suspend); pbeta; a chain over participants
limit_at <- function(n, starts, limits) {  # NA where so few participants cannot reach it
  limit <- if (any(starts <= n)) max(limits[starts <= n]) else NA
  if (is.na(limit) || limit > n) NA else limit
}
redo_boundary <- function(n, events, starts, limits, prior = NULL, above = NULL) {
  limit <- limit_at(n, starts, limits)
  found <- list(n = n, events = events, limit = limit, reached = as.numeric(!is.na(limit) && events >= limit))
  if (is.null(prior) || is.null(above)) return(found)
  a <- prior[1] + min(events, n); b <- prior[2] + n - min(events, n)
  c(found, list(probability = pbeta(above, a, b, lower.tail = FALSE), a = a, b = b))
}
redo_operating_characteristics <- function(starts, limits, n = NULL, rate = NULL, planned = NULL) {
  if (is.null(rate)) return(list(n = n, stop_at = limit_at(n, starts, limits)))
  going <- 1; stopped <- numeric(planned)  # the chances of 0, 1, 2 … events among those who go on
  for (i in seq_len(planned)) {
    going <- c(going * (1 - rate), 0) + c(0, going * rate)
    limit <- limit_at(i, starts, limits)
    over <- !is.na(limit) & seq_along(going) - 1 >= limit
    stopped[i] <- sum(going[over])
    going[over] <- 0
  }
  list(rate = rate, stop = sum(stopped), treated = sum(stopped * seq_len(planned)) + (1 - sum(stopped)) * planned)
}
