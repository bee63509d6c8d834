"""Pure rules: text of logs as data, figures, and the questions that templates understand."""
