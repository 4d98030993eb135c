// The same conversation as `load_tools.py` describes, for k6: one virtual user for each person.
import ws from 'k6/ws';

const job = JSON.parse(open(__ENV.JOB));

export const options = {
  scenarios: {
    people: { executor: 'per-vu-iterations', vus: job.people.length, iterations: 1, maxDuration: '5m' },
  },
};

export default function () {
  const person = job.people[__VU - 1];
  const url = job.url.replace('http', 'ws') + '/v1.0/chat';
  const text = 'x'.repeat(200);
  let number = 0;
  ws.connect(url, { headers: { Authorization: `Bearer ${person.token}` } }, (socket) => {
    socket.on('message', (data) => {
      const frame = JSON.parse(data);
      if (frame.type === 'replay_complete') {
        socket.setInterval(() => {
          number += 1;
          socket.send(JSON.stringify({
            type: 'send',
            id: `${number}`,
            client_message_id: `${__VU}-${number}`,
            conversation_id: person.conversation,
            body: { kind: 'text', text },
          }));
        }, job.every_ms);
      } else if (frame.type === 'message') {
        socket.send(JSON.stringify({
          type: 'delivered',
          conversation_id: person.conversation,
          up_to_seq: frame.message.seq,
        }));
      }
    });
  });
}
