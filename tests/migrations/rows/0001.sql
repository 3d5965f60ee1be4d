-- What a release of revision 0001 wrote. The one bound value is bytes, which the two databases spell differently.

INSERT INTO section_set (key) VALUES ('*');

INSERT INTO subscriber (public_id, email_key, address, domain, name, format, created_at)
VALUES ('p-zhang', 'zhang@example.com', 'Zhang@example.com', 'example.com', '张三', 'text',
        '2015-07-10 01:00:00.000000');

INSERT INTO preference (subscriber, section_set, chosen_by, chosen_at)
VALUES (1, 1, 'reader', '2015-07-10 01:00:00.000000');

INSERT INTO membership (subscriber, list, state, changed_by, changed_at)
VALUES (1, 'members', 'member', 'list', '2015-07-10 01:00:00.000000');

INSERT INTO consent (email_key, action, source, detail, at)
VALUES ('zhang@example.com', 'subscribed', 'list:members', '第 3 行', '2015-07-10 01:00:00.000000');

INSERT INTO suppression (email_key, reason, source, at)
VALUES ('gone@example.com', 'unsubscribed', 'page', '2015-07-10 01:00:00.000000');

INSERT INTO list_file (list, digest, rows, synced_at)
VALUES ('members', 'd1', 5, '2015-07-10 01:00:00.000000');

INSERT INTO schedule_state (schedule, first_seen_at, last_tick_at)
VALUES ('weekly', '2015-07-03 01:00:00.000000', '2015-07-10 01:00:00.000000');

INSERT INTO occurrence (schedule, slot, planned_at, due_at, state, reason, changed_at)
VALUES ('weekly', '2015-W28#1', '2015-07-10 01:00:00.000000', '2015-07-10 01:00:00.000000', 'launched', '节后',
        '2015-07-10 01:00:00.000000');

INSERT INTO mailing (channel, issue, send_no, origin, occurrence, state, reason, fingerprint, token_mark,
                     address_mark, message_date, planned, already_mailed, without_section, claim, lease_until,
                     launched_at, resume_at)
VALUES ('smtp', '2015-055', 1, 'weekly/2015-W28#1', 1, 'running', '', 'f1', 'TOKEN',
        'ADDRESS', '2015-07-10 01:00:00.000000', 4, 1, 2, NULL, NULL,
        '2015-07-10 01:00:00.000000', NULL);

INSERT INTO mailing (channel, issue, send_no, origin, occurrence, state, reason, fingerprint, token_mark,
                     address_mark, message_date, planned, already_mailed, without_section, claim, lease_until,
                     launched_at, resume_at)
VALUES ('outbox', '2015-056', 1, 'members', NULL, 'paused', '图错了', 'f2', 'TOKEN',
        'ADDRESS', '2015-07-10 01:00:00.000000', 0, 0, 0, 'gone', '2015-07-10 01:00:00.000000',
        '2015-07-10 01:00:00.000000', '2015-07-10 01:00:00.000000');

INSERT INTO delivery (mailing, channel, issue, send_no, email_key, subscriber, public_id, address, name, format,
                      domain, edition, state, attempts, due_at, first_tried_at, claim, lease_until, server,
                      message_id, accepted_at, last_code, last_text)
VALUES (1, 'smtp', '2015-055', 1, 'zhang@example.com', 1, 'p-zhang', 'Zhang@example.com', '张三', 'text',
        'example.com', 'market+policy', 'accepted', 1, '2015-07-10 01:00:00.000000', '2015-07-10 01:00:01.000000',
        'gone', '2015-07-10 01:02:00.000000', 'relay', '<2015-055.1.p-zhang@example.com>',
        '2015-07-10 01:00:02.000000', 250, '2.0.0 好');

INSERT INTO delivery (mailing, channel, issue, send_no, email_key, subscriber, public_id, address, name, format,
                      domain, edition, state, due_at)
VALUES (1, 'smtp', '2015-055', 1, 'wang@example.com', 2, 'p-wang', 'wang@example.com', '王五', 'html',
        'example.com', 'market+policy', 'pending', '2015-07-10 01:00:00.000000');

INSERT INTO delivery (mailing, channel, issue, send_no, email_key, subscriber, public_id, address, name, format,
                      domain, edition, state, due_at)
VALUES (1, 'smtp', '2015-055', 1, 'li@example.org', 3, 'p-li', 'li@example.org', '李雷', 'html',
        'example.org', 'market+policy', 'pending', '2015-07-10 01:00:00.000000');

INSERT INTO delivery (mailing, channel, issue, send_no, email_key, subscriber, public_id, address, name, format,
                      domain, edition, state, attempts, due_at, first_tried_at, claim, lease_until, server,
                      message_id, accepted_at, last_code, last_text)
VALUES (1, 'smtp', '2015-055', 1, 'nobody@example.com', 4, 'p-nobody', 'nobody@example.com', '', 'html',
        'example.com', 'market+policy', 'refused', 2, '2015-07-10 01:00:00.000000', '2015-07-10 01:00:01.000000',
        'gone', '2015-07-10 01:02:00.000000', 'relay', '<2015-055.1.p-nobody@example.com>',
        NULL, 550, '5.1.1 no such user');

INSERT INTO attempt (delivery, number, at, server, outcome, code, enhanced, text)
VALUES (4, 2, '2015-07-10 01:00:02.000000', 'relay', 'refused', 550, '5.1.1', 'no such user');

INSERT INTO rendition (mailing, edition, subject, preheader, html, text, cids, shortened, fingerprint)
VALUES (1, 'market+policy', '总第55期', '要点', '<p>TOKEN</p>', 'TOKEN', '["chart1"]', 2, 'r1');

INSERT INTO rendition_picture (mailing, cid, media_type, filename, content)
VALUES (1, 'chart1', 'image/png', 'chart1.png', :picture);

INSERT INTO permit (scope, at, count)
VALUES ('server:relay', '2015-07-10 01:00:01.000000', 3);

INSERT INTO approval (issue, fingerprint, by, at)
VALUES ('2015-055', 'f1', '王主编', '2015-07-10 00:30:00.000000');
