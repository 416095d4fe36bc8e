# methods: mixed_model
# tolerance: 2e-5
# source: nlme::gls by REML (means and changes); mmrm where it is installed (also errors, Kenward-Roger df and p)
# `y`: participants by visits on the scale, the baseline first. The baseline is one of the responses, or a covariate.
long <- function(y, visits, response) {
  y <- do.call(rbind, y)
  if (response) data <- data.frame(y = c(y), who = c(row(y)), visit = c(col(y)))
  else {
    y <- y[!is.na(y[, 1]), , drop = FALSE]
    later <- y[, -1, drop = FALSE]
    data <- data.frame(y = c(later) - y[c(row(later)), 1], who = c(row(later)), visit = c(col(later)) + 1,
      base = y[c(row(later)), 1])
  }
  data <- data[!is.na(data$y), ]
  if (!response) data$base <- data$base - mean(y[sort(unique(data$who)), 1])
  data[order(data$who, data$visit), ]
}
fits <- list()  # each model is fitted once, whatever visits are asked of it
fitted_gls <- function(data, structure) {
  key <- paste(structure, paste(unlist(data), collapse = " "))
  if (is.null(fits[[key]])) fits[[key]] <<- list(new_gls(data, structure))
  fits[[key]][[1]]
}
new_gls <- function(data, structure) {
  data$place <- as.integer(factor(data$visit)); data$at <- factor(data$visit)
  model <- if (is.null(data$base) || diff(range(data$base)) == 0) y ~ at - 1 else y ~ at - 1 + base
  correlation <- switch(structure, "unstructured" = nlme::corSymm(form = ~ place | who),
    "compound-symmetry" = nlme::corCompSymm(form = ~ 1 | who), NULL)
  if (is.null(correlation)) return(NULL)
  weights <- if (structure == "unstructured") nlme::varIdent(form = ~ 1 | at)
  for (optimiser in c("nlminb", "optim")) {
    control <- nlme::glsControl(maxIter = 500, msMaxIter = 5000, tolerance = 1e-9, msTol = 1e-12, opt = optimiser)
    fit <- tryCatch(nlme::gls(model, data, correlation, weights, control = control), error = function(e) NULL)
    if (!is.null(fit)) return(fit)
  }
}
redo_mixed_model <- function(y, visits, scale, baseline, method, level, visit = NULL, structure = NULL) {
  back <- if (scale == "log") exp else identity
  if (is.null(structure) || is.null(visit)) return(list())
  response <- baseline == "response"
  data <- long(y, visits, response)
  place <- match(visit, visits)
  found <- list(n = sum(!is.na(do.call(rbind, y)[, place])))
  fit <- fitted_gls(data, structure)
  if (is.null(fit)) return(found)
  means <- coef(fit); at <- function(place) means[[paste0("at", place)]]
  if (response) {
    found$mean <- back(at(place))
    if (place > 1) found$change <- back(at(place) - at(1))
  } else found$change <- back(at(place))
  if (requireNamespace("mmrm", quietly = TRUE) && structure == "unstructured" && !response &&
      method == "kenward-roger") {
    data$at <- factor(data$visit); data$who <- factor(data$who)
    fit <- mmrm::mmrm(y ~ at - 1 + base + us(at | who), data, method = "Kenward-Roger", vcov = "Kenward-Roger-Linear")
    one <- mmrm::df_1d(fit, as.numeric(names(coef(fit)) == paste0("at", place)))
    found <- c(found, list(change_se = one$se, df = one$df, p = one$p_val))
  }
  found
}
