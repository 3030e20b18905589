"""Tables, the form in which kubectl asks for lists: the server decides what each kind's columns say."""

from kubewright.twin.tables.render import render_table

__all__ = ["render_table"]
