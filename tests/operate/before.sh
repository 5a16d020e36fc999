# Words that both kinds of machine share.
export SIGNHERE_KEY_PASSWORD=a-passphrase-of-keys-in-files
step() { echo; echo "--- $1.md"; }
fail() { echo "NOT AS THE PAGE SAYS: $*"; exit 1; }

# What must be true after a page. The instance is $DIR at http://127.0.0.1:3003.
after() {
    case $1 in
        README) ;;
        install)
            # Clients reach the instance at a URL that a proxy would serve; here there is none.
            sed "s#https://sigstore.example.org#$BASE#g" $DIR/trust_config.json > $KEEP/trust_config.json
            ( cd $KEEP && signhere key generate && sign first ) ;;
        rotate)
            for shard in ca-2 tsa-2 ct-2 log-2; do
                grep -q "\"$shard\"" $DIR/keys/keys.json || fail "no $shard"
            done
            until curl --fail --silent $BASE/checkpoint | head -n 1 | grep -q log-2; do sleep 0.1; done
            ( cd $KEEP && sign second ) ;;
        trust-root)
            [ -e $DIR/tuf/repository/7.root.json ] || fail "the root was not continued six times"
            [ ! -e $DIR/keys/tuf-root.key ] || fail "the root key is still there"
            until curl --fail --silent $BASE/tuf/7.root.json | cmp --silent - $DIR/tuf/repository/7.root.json; do sleep 0.1; done
            curl --fail --silent $BASE/readyz > /dev/null || fail "not ready under the new root" ;;
        upgrade)
            ( cd $KEEP && verify first && verify second && sign third )
            # The copy of the next page holds it all.
            signhere serve backup $DIR $COPY ;;
        restore)
            [ -e $DIR.old ] || fail "the old folder is gone"
            curl --fail --silent $BASE/readyz > /dev/null || fail "not ready"
            ( cd $KEEP && verify first && verify second && verify third && sign fourth )
            for log in log-1 log-2; do signhere log fsck $DIR/$log; done ;;
    esac
}

sign() {
    echo "the file $1" > $1
    sed "s#https://sigstore.example.org#$BASE#g" $DIR/trust_config.json > trust_config.json
    signhere sign --key cosign.key --trust-config trust_config.json $1
    verify $1
}

verify() { signhere verify --key cosign.pub --trust-config trust_config.json $1; }
BASE=http://127.0.0.1:3003
