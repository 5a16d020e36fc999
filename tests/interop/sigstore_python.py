"""sigstore-python, as published, on a signhere instance: each signs and verifies what the other made.

usage: sigstore_python.py SIGNHERE WORK
"""

import pathlib
import sys

import browser
from instance import Instance, run

EMAIL = "alice@example.com"


def main(signhere, work):
    work = pathlib.Path(work)
    passed = 0
    with Instance(signhere, work / "instance") as instance:
        trust = instance.trust
        python = [sys.executable, "-m", "sigstore", "--trust-config", trust]
        who = ["--certificate-identity", EMAIL, "--certificate-oidc-issuer", instance.issuer]

        def by_python(file, bundle, **expect):
            flags = ["--cert-identity", EMAIL, "--cert-oidc-issuer", instance.issuer, "--bundle", bundle, file]
            return run(*python, "verify", "identity", *flags, **expect)

        def by_us(file, bundle, **expect):
            return run(signhere, "verify", "--trust-config", trust, *who, "--bundle", bundle, file, **expect)

        theirs, ours, forged = work / "theirs.txt", work / "ours.txt", work / "forged.txt"
        theirs.write_text("signed by sigstore-python\n")
        ours.write_text("signed by signhere\n")
        forged.write_text("signed by nobody\n")

        bundle = work / "theirs.sigstore.json"
        token = browser.login(instance.issuer, EMAIL)
        run(*python, "sign", "--identity-token", token, "--bundle", bundle, theirs)
        for verify in (by_us, by_python):
            verify(theirs, bundle)
            verify(forged, bundle, fails=True)
            passed += 2
        print("ok   sigstore-python signs, signhere and sigstore-python verify, a forged file is refused")

        bundle = work / "ours.sigstore.json"
        token_file = work / "token"
        token_file.write_text(browser.login(instance.issuer, EMAIL))
        run(signhere, "sign", "--trust-config", trust, "--identity-token-file", token_file, "--bundle", bundle, ours)
        for verify in (by_us, by_python):
            verify(ours, bundle)
            verify(forged, bundle, fails=True)
            passed += 2
        print("ok   signhere signs, signhere and sigstore-python verify, a forged file is refused")

        stranger = ["--cert-identity", "mallory@example.com", "--cert-oidc-issuer", instance.issuer]
        run(*python, "verify", "identity", *stranger, "--bundle", bundle, ours, fails=True)
        passed += 1
        print("ok   sigstore-python refuses another identity on our bundle")
    print(f"{passed} passed, 0 failed")


main(sys.argv[1], sys.argv[2])
