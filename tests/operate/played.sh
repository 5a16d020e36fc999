# Paths and the port are exchanged for ones in the folder of the test.
# No service manager: these functions play it, for one user.
runuser() { shift 3; "$@"; }   # -u signhere --
chown() { :; }
systemctl() {
    case $1 in
        start)
            CREDENTIALS_DIRECTORY=/run/credentials/signhere.service signhere serve /var/lib/signhere/instance >> $WORK/events 2>&1 &
            echo $! > $WORK/pid
            until curl --fail --silent http://127.0.0.1:3003/readyz > /dev/null; do
                kill -0 $! || fail "the instance ended: $(tail -n 3 $WORK/events)"
                sleep 0.05
            done ;;
        stop) kill $(cat $WORK/pid) && wait $(cat $WORK/pid) ;;
        restart) systemctl stop && systemctl start ;;
    esac
}
trap 'rc=$?; kill $(cat $WORK/pid); wait; exit $rc' EXIT
export KEEP=$WORK/keep
mkdir -p $KEEP /usr/local/bin
install -m 0755 signhere /usr/local/bin/signhere
install -d -m 0700 /run/credentials/signhere.service
head -c 32 /dev/urandom | base64 > /run/credentials/signhere.service/signhere
CREDENTIALS_DIRECTORY=/run/credentials/signhere.service signhere serve init /var/lib/signhere/instance --listen 127.0.0.1:3003 --unlock credential --url https://sigstore.example.org > /dev/null
systemctl start
