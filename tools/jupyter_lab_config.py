"""How `make lab` opens JupyterLab: at the chapters, without a look at other hosts."""

c = get_config()  # noqa: F821  # JupyterLab defines it

c.LabApp.default_url = "/lab/tree/chapters"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
# Ctrl-C ends it, as it ends the server of the book.
c.ServerApp.answer_yes = True
