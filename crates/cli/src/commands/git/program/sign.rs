//! Signing.

use std::io::{self, Write as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use signhere_git::cms::{GitSignature, SignedAttributes, embed};
use signhere_git::config::Settings;
use signhere_git::program::{Content, Signer, sign_status};
use signhere_pki::cert::Certificate;
use signhere_pki::fulcio;
use signhere_pki::time::Clock as _;
use signhere_verify::bundle::Bundle;
use signhere_verify::verifier::{Artifact, Policy};

use super::{Prepared, Status, content};
use crate::clock::SystemClock;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::login::{self, LoginArgs};
use crate::signing::{self, Signing};
use crate::trust::{self, TrustArgs};

/// Nobody waits longer for a signature than a login may take, and this.
const PATIENCE: Duration = Duration::from_secs(120);

/// Signs what comes on standard input.
pub(super) fn run(ready: &Prepared, status: &mut Status) -> Result<(), CliError> {
    let settings = &ready.settings;
    let payload = content(&Content::StandardInput)?;
    if payload.is_empty() {
        let message = "there is nothing to sign on standard input";
        return Err(CliError::new(Exit::Usage, "SH-GIT-NOTHING", message));
    }
    let context = &ready.context()?;
    let attributes = SignedAttributes::new(&payload, SystemClock.now())?;
    let bundle = in_time(context, attributes.clone(), how(settings, &payload)?)?;
    let armor = embed(&attributes, &bundle)?;
    let signer = check(context, armor.as_bytes(), &payload)?;
    if settings.match_committer {
        match_committer(&signer, &payload)?;
    }
    io::stdout()
        .lock()
        .write_all(armor.as_bytes())
        .and_then(|()| io::stdout().flush())
        .map_err(|error| CliError::output(&error))?;
    status.write(&sign_status(&signer, SystemClock.now()))
}

/// Where the identity comes from, in gitsign's words. Of several logins that an agent keeps, the committer's is taken.
fn how(settings: &Settings, payload: &[u8]) -> Result<Signing, CliError> {
    let mut login = LoginArgs::default();
    if let Some(issuer) = &settings.issuer {
        let parsed = issuer.value.parse();
        login.oidc_issuer = Some(parsed.map_err(|error| {
            let message = format!("{} is no web address: {error}", issuer.name);
            CliError::new(Exit::Usage, "SH-GIT-SETTING", message).found(&issuer.value)
        })?);
    }
    let provider = settings.token_provider.as_ref();
    login.no_browser = provider.is_some_and(|provider| provider.value == "device");
    Ok(Signing {
        login,
        prefer: committer(payload).map(|(_, address)| address.to_owned()),
        no_agent: settings.agent == Some(false),
        ..Signing::default()
    })
}

/// The bundle, or an error when it takes too long: whatever hangs, git does not.
fn in_time(
    context: &Context,
    attributes: SignedAttributes,
    how: Signing,
) -> Result<Bundle, CliError> {
    let (sender, receiver) = mpsc::channel();
    let context = Context::new(context.global.clone());
    // It ends with the process, if not before.
    thread::spawn(move || {
        let _ = sender.send(signing::sign_for_git(&context, &attributes, &how));
    });
    let patience = login::patience()?.saturating_add(PATIENCE);
    receiver.recv_timeout(patience).unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(CliError::new(
            Exit::Retry,
            "SH-GIT-TIMEOUT",
            format!("there was no signature after {seconds} seconds"),
        ))
    })
}

/// Reads the signature as a stranger would, and verifies it, offline, before anybody sees it.
fn check(context: &Context, armor: &[u8], payload: &[u8]) -> Result<Signer, CliError> {
    let signature = GitSignature::from_armor(armor)?;
    signature.verify(payload)?;
    let certificate = signature.certificate();
    let signer = signer_of(certificate);
    let bundle = signature.bundle()?;
    let chosen = trust::known(context, &TrustArgs::default())?.choose(&bundle)?;
    let policy = Policy::Identity {
        identity: signer.identity.clone(),
        issuer: signer.issuer.clone(),
    };
    let artifact = Artifact::Bytes(signature.attributes_set());
    match chosen.verifier.verify(&bundle, &artifact, &policy).failure {
        Some(failure) => Err(CliError::from(&failure).about("the new signature does not verify")),
        None => Ok(signer),
    }
}

/// Who a certificate says it is.
pub(super) fn signer_of(certificate: &Certificate) -> Signer {
    let san = certificate.san();
    Signer {
        fingerprint: certificate.fingerprint(),
        identity: san.map(|san| san.as_str().to_owned()).unwrap_or_default(),
        issuer: fulcio::issuer(certificate).unwrap_or_default(),
    }
}

/// Name and address of whoever commits or tags, as the headers of a commit or tag say.
pub(super) fn committer(payload: &[u8]) -> Option<(&str, &str)> {
    let headers = payload.split(|byte| *byte == b'\n');
    let mut headers = headers.take_while(|line| !line.is_empty());
    headers.find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let person = line
            .strip_prefix("committer ")
            .or_else(|| line.strip_prefix("tagger "))?;
        let (name, rest) = person.split_once(" <")?;
        Some((name, rest.split_once('>')?.0))
    })
}

/// gitsign's `matchCommitter`: nothing is signed for a committer who is somebody else.
fn match_committer(signer: &Signer, payload: &[u8]) -> Result<(), CliError> {
    let found = match committer(payload) {
        Some((name, address)) if [name, address].contains(&signer.identity.as_str()) => {
            return Ok(());
        }
        Some((name, address)) => format!("{name} <{address}>"),
        None => "nobody".to_owned(),
    };
    let message = "the committer is not who signs, and gitsign.matchCommitter asks for that";
    Err(
        CliError::new(Exit::OtherSigner, "SH-GIT-MATCH-COMMITTER", message)
            .expected(&signer.identity)
            .found(found)
            .mend(format!("git config user.email {}", signer.identity)),
    )
}
