"""What is the trial? Study files become one immutable `Protocol`: rules, units, errors, calendar, trace."""
