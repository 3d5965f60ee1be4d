-- What a release of revision 0002 wrote beside that.

INSERT INTO seat (scope, number, holder, lease_until)
VALUES ('server:relay', 0, 'gone', '2015-07-10 01:02:00.000000');
