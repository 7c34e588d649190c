"""The contracts: everything that an author of a plugin imports, one module for each kind.

``specs`` (declarations as data), ``hooks``, ``optimizer``, ``runner``, ``objective``, ``history``
(formats), ``gradients``, ``checkpoints``, ``trial`` and ``record``, ``directions``; and for their
implementation ``options``, ``random_state`` and ``pickles``.
"""
