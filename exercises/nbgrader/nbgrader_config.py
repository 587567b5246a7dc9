"""What nbgrader has to know of this course. Copy this file into the folder of your class."""

c = get_config()  # noqa: F821, nbgrader's own

# The learner's notebook is the same whether nbgrader makes it or the course does.
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("your answer here")'}
c.ClearSolutions.text_stub = "*Your answer here*"
# Seconds that a cell may run. On a busy machine importing torch alone takes ten.
c.Execute.timeout = 120
