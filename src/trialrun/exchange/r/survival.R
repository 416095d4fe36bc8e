# methods: survival
# tolerance: 1e-6
# source: survival::survfit; where survival is 1 or 0, beta products (Fay, Brittain and Proschan, Biostatistics 2013;14:723)
# `status`: 0 censored, 1 the event, 2 another one first. `show` is what the line shows.
beta_product <- function(time, event, day, alpha) {
  steps <- sort(unique(time[event & time <= day]))
  risk <- vapply(steps, function(t) sum(time >= t), 0); dead <- vapply(steps, function(t) sum(time == t & event), 0)
  beyond <- sum(time >= day) - sum(time == day & event)
  product <- function(a, b, q) {  # the beta of the same mean and variance
    m <- prod(a / (a + b)); s <- prod(a * (a + 1) / ((a + b) * (a + b + 1)))
    qbeta(q, m * (m - s) / (s - m^2), (1 - m) * (m - s) / (s - m^2))
  }
  a <- risk - dead + 1; b <- dead
  c(if (beyond == 0) 0 else product(c(a, beyond), c(b, 1), alpha / 2),
    if (length(steps) == 0) 1 else product(a, b, 1 - alpha / 2))
}
survival_at <- function(time, event, level, scale, day) {  # survival, lower, upper
  fit <- survival::survfit(survival::Surv(time, event) ~ 1, conf.int = level,
    conf.type = if (scale == "exact") "log-log" else scale)
  i <- findInterval(day, fit$time)
  s <- if (i == 0) 1 else fit$surv[i]
  if (s < 1e-12) s <- 0
  if (day > max(time) && s > 0) return(c(NA, NA, NA))
  if (scale == "exact" || s == 0 || s == 1) return(c(s, beta_product(time, event, day, round(1 - level, 12))))
  c(s, fit$lower[i], fit$upper[i])
}
redo_survival <- function(time, status, level, scale, show) {
  event <- status == 1
  part <- strsplit(show, "=")[[1]]; day <- as.numeric(part[2])
  at <- function(day) if (length(time) == 0) rep(NA, 3) else 100 * survival_at(time, event, level, scale, day)
  steps <- function(days) vapply(days, at, numeric(3)) / 100
  switch(part[1],
    n = list(n = length(time)), events = list(n = sum(event)), censored = list(n = sum(status == 0)),
    competing = list(n = sum(status == 2)), risk = list(n = sum(time >= day)),
    at = setNames(as.list(at(day)), c("survival", "lower", "upper")),
    step = c(setNames(as.list(at(day)), c("survival", "lower", "upper")), list(time = day,
      at_risk = sum(time >= day), events = sum(event & time == day), censored = sum(!event & time == day))),
    median = list(median = if (length(time) == 0) NA else
      unname(quantile(survival::survfit(survival::Surv(time, event) ~ 1), 0.5, conf.int = FALSE))),
    median_interval = {
      if (length(time) == 0) return(list(lower = NA, upper = NA))
      days <- sort(unique(if (scale == "exact") time else time[event]))
      low <- days[which(steps(days)[2, ] <= 0.5)]
      days <- sort(unique(time[event]))
      high <- days[which(steps(days)[3, ] <= 0.5)]
      list(lower = min(low, max(time)), upper = if (length(high)) high[1] else NA)
    },
    incidence = {
      if (length(time) == 0) return(list(incidence = NA))
      if (!any(event)) return(list(incidence = if (day > max(time) && !all(status == 2)) NA else 0))
      state <- factor(status, 0:2, c("censored", "event", "other"))
      fit <- survival::survfit(survival::Surv(time, state) ~ 1)
      i <- findInterval(day, fit$time)
      free <- if (i == 0) 1 else fit$pstate[i, 1]
      if (day > max(time) && free > 1e-12) return(list(incidence = NA))
      list(incidence = if (i == 0) 0 else 100 * fit$pstate[i, 2])
    },
    list())
}
