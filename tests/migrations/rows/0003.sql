-- What a release of revision 0003 wrote beside that.

INSERT INTO incident (id, cause, subject, what, remedy, raised_at, cleared_at, told_at, told_to, claim,
                      lease_until)
VALUES (1, 'missed', 'weekly/2015-W28#1', '{"zh": "错过", "en": "missed"}', '{"zh": "补发", "en": "send it"}',
        '2015-07-10 01:02:00.000000', '2015-07-10 03:02:00.000000', '2015-07-10 01:03:00.000000',
        '["log", "ops@example.com"]', 'gone', '2015-07-10 01:04:00.000000');

INSERT INTO daemon (id, host, pid, started_at, beat_at, settings, settings_at, refused)
VALUES ('d1', 'host', 1, '2015-07-10 01:02:00.000000', '2015-07-10 01:02:00.000000', 'digest',
        '2015-07-10 01:02:00.000000', '[]');
