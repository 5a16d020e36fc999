# A machine with systemd: everything is what it is.
systemctl start dbus.socket
mkdir -p /usr/local/bin /var/backups /etc/pam.d
for kind in auth account session; do echo "$kind sufficient pam_permit.so"; done > /etc/pam.d/runuser
export KEEP=/run/keep
mkdir $KEEP
trap 'rc=$?; [ $rc = 0 ] || journalctl --no-pager --unit signhere --lines 50; exit $rc' EXIT
