// Measure nodemailer's pool beside our sender: the same letter, a reader's own token and envelope; one line of JSON.
//
//     NODE_PATH=… node send_nodemailer.cjs raw|compose PORT READERS CONNECTIONS LETTER.json [DKIM_KEY.pem]
//
// raw: ready-made bytes, only what differs between readers is filled in and encoded. compose: nodemailer builds the
// MIME itself from text and HTML. With a key it signs each message (RSA-2048). Twice as many messages are on offer as
// there are connections, so that none has to wait for its next one.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const nodemailer = require('nodemailer');

const [mode, port, readersText, connectionsText, letterFile, keyFile] = process.argv.slice(2);
const readers = Number(readersText);
const connections = Number(connectionsText);
const letter = JSON.parse(fs.readFileSync(letterFile, 'utf8'));
const secret = crypto.randomBytes(32);
const pieces = letter.pieces.map((piece) => ('fixed' in piece ? Buffer.from(piece.fixed, 'latin1') : piece));

function reader(number) {
  const address = `reader${number}@${letter.domains[number % letter.domains.length]}`;
  const [local, domain] = address.split('@');
  return { address, masked: `${local[0]}***@${domain}`, token: tokenOf(address) };
}

function tokenOf(address) {
  return `v1.k001.m.${crypto.createHmac('sha256', secret).update(address).digest('hex').slice(0, 57)}`;
}

function fill(text, to) {
  return text.replaceAll(letter.token_mark, to.token).replaceAll(letter.address_mark, to.masked);
}

function encodedLines(text) {
  const content = Buffer.from(text, 'utf8');
  let lines = '';
  for (let start = 0; start < content.length; start += 57) {
    lines += content.toString('base64', start, start + 57) + '\r\n';
  }
  return Buffer.from(lines, 'latin1');
}

function rawMessage(to) {
  const filled = pieces.map((piece) => {
    if (Buffer.isBuffer(piece)) return piece;
    if ('part' in piece) return encodedLines(fill(piece.part, to));
    return Buffer.from(fill(piece.head, to).replace('@@', to.address).replace('%%', to.token), 'latin1');
  });
  return { envelope: { from: letter.sender, to: [to.address] }, raw: Buffer.concat(filled) };
}

function composedMessage(to) {
  return {
    from: { name: letter.sender_name, address: letter.sender },
    to: to.address,
    subject: letter.subject,
    text: fill(letter.text, to),
    html: fill(letter.html, to),
    textEncoding: 'base64',
    messageId: `<${to.token}@news.example.com>`,
    headers: {
      'List-Unsubscribe': `<${fill(letter.page, to)}>, <${fill(letter.mailto, to)}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      'List-Id': '<weekly.news.example.com>',
      'Auto-Submitted': 'auto-generated',
      Precedence: 'bulk',
    },
  };
}

// The system's own maxRSS would count what the process was before it became node.
function peakKilobytes() {
  return Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'ascii'))[1]);
}

async function main() {
  const dkim = keyFile && {
    domainName: 'news.example.com',
    keySelector: 'bench',
    privateKey: fs.readFileSync(keyFile, 'ascii'),
  };
  const transport = nodemailer.createTransport({
    pool: true,
    host: '127.0.0.1',
    port: Number(port),
    secure: false,
    ignoreTLS: true,
    maxConnections: connections,
    maxMessages: Infinity,
    dkim: dkim || undefined,
  });
  const message = mode === 'raw' ? rawMessage : composedMessage;
  let next = 1;
  const lane = async () => {
    while (next <= readers) await transport.sendMail(message(reader(next++)));
  };
  const before = process.cpuUsage();
  const start = process.hrtime.bigint();
  await Promise.all(Array.from({ length: 2 * connections }, lane));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const used = process.cpuUsage(before);
  transport.close();
  console.log(
    JSON.stringify({
      who: `nodemailer ${mode}${dkim ? ' signed' : ''}`,
      n: readers,
      seconds: Number(seconds.toFixed(3)),
      rate: Number((readers / seconds).toFixed(1)),
      cpu_ms: Number(((used.user + used.system) / 1000 / readers).toFixed(4)),
      rss_mb: Number((peakKilobytes() / 1024).toFixed(1)),
    }),
  );
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
