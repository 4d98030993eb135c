"""What may stand between a client and a right server, and change everything that means nothing.

Proxies, gateways and frameworks spell what they carry in their own way. The contract promises JSON,
MessagePack, HTTP/1.1 and WebSocket, and each of them lets the same be said in many ways; this says it in
all of them. `python -m tests.middlebox http://127.0.0.1:8080` listens on a port of its own, below a path,
and hands everything on to that server, so that the whole suite can be played through it, whichever server
and capabilities are behind. A suite that accuses the server then has been reading the spelling.

* HTTP (`http`): names of headers in any case, headers that nobody knows, early hints before the answer;
  bodies with a length, in chunks with extensions and trailers, or up to the end of the connection;
  connections that are closed after the answer, or when they have been idle for a moment; relative
  and absolute addresses in `Location`.
* WebSocket (`channel`): messages in fragments with Pings and unasked Pongs between them, `welcome` in the
  packet of the handshake, a reason in each close, and the end of the connection right behind it.
* Values (`spelling`): members in another order, white space, escapes, wide forms of MessagePack.
"""
