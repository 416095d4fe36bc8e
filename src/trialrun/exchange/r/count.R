# methods: size, count, categories, known, hierarchy, worst
# tolerance: 1e-7
# source: participants and rows are counted anew from the source rows; rates: Garwood, J R Stat Soc 1936;99:436
# `who` numbers the participant of each source row; `rows` are those of the table that is counted.
redo_count <- function(who, N = NA, rows = NA, time = NULL) {
  n <- length(unique(who))
  found <- list(n = n, N = N, percent = if (is.na(N) || N == 0) NA else 100 * n / N, events = rows)
  if (is.null(time)) return(found)
  if (time <= 0) return(c(found, list(time = 0, rate = NA, lower = NA, upper = NA)))
  ends <- poisson.test(rows, time)$conf.int
  c(found, list(time = time, rate = rows / time, lower = ends[1], upper = ends[2]))
}
redo_categories <- redo_known <- redo_hierarchy <- redo_worst <- redo_count
redo_size <- function(who) list(N = length(unique(who)))
