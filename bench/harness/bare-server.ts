// The least a Node server can do: answers every GET with 4 KiB from memory, reads and forgets every other body.
import { createServer } from 'node:http';

const body = Buffer.alloc(4096, 'x');

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': body.length });
    response.end(body);
    return;
  }
  request.resume().on('end', () => response.writeHead(201).end());
});
server.maxRequestsPerSocket = 0;
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
});
