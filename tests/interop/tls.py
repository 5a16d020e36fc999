"""The same over TLS, with a certificate of an authority that only this test knows."""

import browser
import installs
from instance import Instance, run
from peer import Artifact, Signhere, verified_by, verified_by_us


class TlsInstance(Instance):
    """An instance that shows a certificate for its address."""

    def __init__(self, signhere, folder):
        super().__init__(signhere, folder)
        self.base = f"https://{self.listen}"
        self.authority = certify(folder)
        self.configure("tls", 'certificate = "tls.crt"\nkey = "tls.key"')

    def __enter__(self):
        browser.AUTHORITIES.append(self.authority)
        return super().__enter__()

    def __exit__(self, *why):
        browser.AUTHORITIES.remove(self.authority)
        super().__exit__(*why)


def check(kinds):
    def every_client(_, us, home):
        installs.needs("openssl")
        with TlsInstance(us.program, home / "instance") as instance:
            ours = trusting(instance, Signhere(instance, home, us.program))
            return ", ".join(kind.name for kind in kinds if signs_and_verifies(kind, instance, home, ours))

    return every_client


def signs_and_verifies(kind, instance, home, us):
    try:
        client = trusting(instance, kind(instance, home / kind.name))
    except installs.Missing:
        return False  # its own row says why
    artifact = Artifact(home / kind.name / "signed", "signed over TLS\n")
    client.initialise()
    client.sign(artifact)
    client.attest(artifact)
    verified_by(client, artifact)
    verified_by_us(us, artifact)
    return True


def trusting(instance, client):
    """The client, told of the authority in the way that its platform has for that."""
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        client.env[variable] = str(instance.authority)
    return client


def certify(folder):
    """Makes tls.crt and tls.key in `folder`; the authority's certificate is returned."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    authority, key = folder.parent / "authority.pem", folder.parent / "authority.key"
    run(*new, "-subj", "/CN=authority of a test", "-keyout", key, "-out", authority)
    run(*new, "-subj", "/CN=instance of a test", "-keyout", folder / "tls.key", "-out", folder / "tls.crt",
        "-CA", authority, "-CAkey", key, "-addext", "subjectAltName=IP:127.0.0.1",
        "-addext", "basicConstraints=critical,CA:FALSE")
    return authority
