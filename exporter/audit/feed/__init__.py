"""Reading the event feed for the audit log so that nothing is missed in silence.

``reading`` asks one question to its end, ``rounds`` decides what to ask and in which way, ``gaps``
tells whether the source has forgotten what was not read yet, ``ledger`` keeps how far it came.
Events, gaps and the question whether there is room go to callables that are handed in
(``contract``); nothing here knows what becomes of an event.

How far is a point in time for each scope, the *mark*: it stands at the time of an event and never
at one of our clock, so an empty answer cannot move it. It moves only when a question was answered
to the end, or as far as the answer went where it came strictly oldest first.
"""
