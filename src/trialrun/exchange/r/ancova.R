# methods: ancova
# tolerance: 1e-5
# source: lm; effects by drop1, which without interactions is type III; adjusted means are not redone
redo_ancova <- function(y, factors, covariates, level, question, column, other = NULL, effect = NULL) {
  terms <- c(lapply(factors, factor), lapply(covariates, as.numeric))
  if (!is.null(other)) terms$treatment <- relevel(terms$treatment, other)
  vary <- vapply(terms, function(term) length(unique(term)) > 1, TRUE)
  if (question == "mean" || !all(vary)) return(list())
  data <- data.frame(y = y, terms)
  fit <- lm(y ~ ., data)
  if (question == "effect") {
    tested <- drop1(fit, test = "F")[effect, ]
    return(list(F = tested[["F value"]], df = tested[["Df"]], df_error = df.residual(fit), p = tested[["Pr(>F)"]]))
  }
  name <- if (question == "dose") "dose" else make.names(paste0("treatment", column))
  rows <- summary(fit)$coefficients
  rownames(rows) <- make.names(rownames(rows))
  row <- rows[name, ]
  reach <- qt(1 - (1 - level) / 2, df.residual(fit)) * row[[2]]
  found <- list(se = row[[2]], df = df.residual(fit), t = row[[3]], p = row[[4]], lower = row[[1]] - reach,
    upper = row[[1]] + reach)
  found[[if (question == "dose") "slope" else "difference"]] <- row[[1]]
  if (question == "versus") found$n <- sum(terms$treatment == column)
  found
}
