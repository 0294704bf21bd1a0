"""Format ``ocsf``: the Open Cybersecurity Schema Framework, version 1.8.0, the newest published.

==============================================  =========================================  =========
what                                            class                                      activity
==============================================  =========================================  =========
``user:…``, ``guest:…``                         Account Change [3001]                      Create, Delete; Other for a change, for which 1.8 has none
``space:guestAdded``, ``space:guestRemoved``    User Access Management [3005]              Assign Privileges, Revoke Privileges
``space:…``, ``environment:…``                  Entity Management [3004]                   Create, Update, Delete, Enable, Disable; else Other
``agent:…``                                     Application Lifecycle [6002]               Install, Update, Remove; else Other
every other topic                               API Activity [6003]                        Create, Update, Delete; else Other
amendments, gaps, redactions                    Event Log Activity [1008]                  Other: they speak of the log itself
==============================================  =========================================  =========

Where an event does not name what its class needs (the API promises no more than id, topic and
time), it becomes API Activity: nothing is invented to satisfy a schema. 1.9 is to replace 3001 and
3005 by User Management [3007], and is not published yet.
"""
