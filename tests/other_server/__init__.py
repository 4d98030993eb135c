"""Somebody else's messenger server: the Messenger API once more, as differently as the contract allows.

A suite that was written beside one server learns that server's habits. This one exists to show which of
them crept in: it is written from the contract alone, on another framework (aiohttp), shares no code with
`reference_server`, keeps everything in memory, and differs wherever it may:

- ids of other shapes and lengths, cursors that are no URL-safe text, tokens with a tilde;
- smaller limits, no optional capability at all (or, as the *rich* variant, several);
- members that the contract does not know in every object, empty ones left out or not by the toss of a coin;
- connections *pull* what they have not sent yet out of the logs, so an entry is shown as it stands when
  it is written to the socket, conversations are interleaved at random, and statuses overtaken meanwhile
  are left out;
- commits and writes that take their time, `Connection: close` behind every HTTP answer.

`python -m tests.other_server [--rich]` runs it; nothing of it is meant for anything but tests.
"""
