//! `signhere sign`: signs files, with an identity or with a key.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::key::Signer as _;
use signhere_sign::session::{Payload, Session, Signed};
use signhere_verify::verdict::{Step, StepName, Verdict};

use super::{Context, block_on, key};
use crate::error::{CliError, ErrorFields};
use crate::files;
use crate::login::LoginArgs;
use crate::output::text::safe;
use crate::output::{progress, verdict};
use crate::signing::{self, Maker, Signing};
use crate::trust::TrustArgs;

/// How many files are signed at a time.
const AT_A_TIME: usize = 8;
/// No statement is larger.
const STATEMENT_LIMIT: u64 = 16 * 1024 * 1024;

/// Sign files
///
/// Writes FILE.sigstore.json next to each file. Many files need one login and get one certificate.
/// A bundle is verified before it is written.
///
/// The identity token is taken from --identity-token-file, from SIGSTORE_ID_TOKEN, from the CI system
/// that this runs on, or from a login in the browser. Where an agent runs (signhere agent), its login signs.
#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    /// The files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Write the bundle here [default: FILE.sigstore.json]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    bundle: Option<PathBuf>,
    /// Sign with this private key instead of an identity
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["identity_token", "identity_token_file", "oidc_issuer", "no_browser"])]
    key: Option<PathBuf>,
    /// The files are in-toto statements: sign each in a DSSE envelope
    #[arg(long)]
    statement: bool,
    /// Where to sign (signing_config.v0.2.json)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "trust_config", help_heading = "Trust")]
    signing_config: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    login: LoginArgs,
    /// Log in for this run, even where an agent keeps a login
    #[arg(long, help_heading = "Identity", conflicts_with = "key")]
    no_agent: bool,
}

pub(crate) fn run(context: &Context, args: &SignArgs) -> Result<(), CliError> {
    if args.bundle.is_some() && args.files.len() > 1 {
        return Err(CliError::usage("--bundle goes with one file only"));
    }
    context.need_network("signing")?;
    let key = match &args.key {
        Some(path) => Some(key::load(context, path)?),
        None => None,
    };
    // All files are read before anybody logs in: a certificate lives for ten minutes.
    let algorithm = key
        .as_ref()
        .and_then(|key| key.scheme().hash())
        .unwrap_or(HashAlgorithm::Sha256);
    let jobs = args
        .files
        .iter()
        .map(|file| Job::new(context, args, file, algorithm))
        .collect::<Result<Vec<_>, _>>()?;

    let (done, failed) = block_on(async {
        let how = Signing {
            trust: args.trust.clone(),
            signing_config: args.signing_config.clone(),
            login: args.login.clone(),
            no_agent: args.no_agent,
            ..Signing::default()
        };
        let maker = signing::maker(context, &how, key).await?;
        Ok(sign_all(context, maker, jobs).await)
    })?;
    if context.output.is_json() {
        context.output.document(&Report {
            version: 1,
            signed: failed.is_none(),
            identity: done.iter().find_map(|one| identity(&one.verdict)),
            results: done.iter().map(Done::outcome).collect(),
            error: failed.as_ref().map(CliError::fields),
        })?;
        return failed.map_or(Ok(()), |error| Err(CliError::reported(error.exit())));
    }
    failed.map_or(Ok(()), Err)
}

/// The bundle of a signature over an artifact with these digests.
pub(crate) async fn sign_artifact(
    session: &Session,
    digests: &[Digest],
) -> Result<Signed, CliError> {
    let algorithm = session.hash_algorithm();
    let digest = digests
        .iter()
        .find(|digest| digest.algorithm() == algorithm)
        .ok_or_else(|| CliError::internal(&format!("no {algorithm} digest was computed")))?;
    Ok(session.sign(Payload::Artifact(*digest)).await?)
}

/// A file to sign, read already.
struct Job {
    file: PathBuf,
    bundle: PathBuf,
    content: JobContent,
}

enum JobContent {
    Artifact(Digest),
    Statement(Vec<u8>),
}

/// A file whose bundle is written.
struct Done {
    file: PathBuf,
    bundle: PathBuf,
    verdict: Verdict,
}

impl Job {
    fn new(
        context: &Context,
        args: &SignArgs,
        file: &Path,
        algorithm: HashAlgorithm,
    ) -> Result<Self, CliError> {
        let content = if args.statement {
            JobContent::Statement(files::read(file, STATEMENT_LIMIT)?)
        } else {
            let digests = files::digests(file, &[algorithm], context.output)?;
            let digest = digests.into_iter().next();
            JobContent::Artifact(digest.ok_or_else(|| CliError::internal(&"no digest"))?)
        };
        Ok(Self {
            file: file.to_owned(),
            bundle: args
                .bundle
                .clone()
                .unwrap_or_else(|| files::bundle_path(file)),
            content,
        })
    }

    fn payload(&self) -> Payload<'_> {
        match &self.content {
            JobContent::Artifact(digest) => Payload::Artifact(*digest),
            JobContent::Statement(json) => Payload::Statement(json),
        }
    }

    async fn run(self, maker: Arc<Maker>) -> Result<Done, CliError> {
        let signed = maker
            .sign(self.payload())
            .await
            .map_err(|error| error.about(&self.file.display().to_string()))?;
        files::write_atomically(&self.bundle, &signed.bundle.to_json())?;
        Ok(Done {
            file: self.file,
            bundle: self.bundle,
            verdict: signed.verdict,
        })
    }
}

impl Done {
    fn outcome(&self) -> Outcome {
        Outcome {
            file: self.file.display().to_string(),
            bundle: self.bundle.display().to_string(),
        }
    }
}

/// Signs several files at a time, and tells of each in order. The first failure
/// ends it: what fails for one file mostly fails for all.
async fn sign_all(
    context: &Context,
    maker: Maker,
    jobs: Vec<Job>,
) -> (Vec<Done>, Option<CliError>) {
    let bar = progress::files(context.output, "signing", jobs.len());
    let maker = Arc::new(maker);
    let mut jobs = jobs.into_iter();
    let mut running = VecDeque::new();
    let mut done = Vec::new();
    let mut failed = None;
    loop {
        while running.len() < AT_A_TIME && failed.is_none() {
            let Some(job) = jobs.next() else { break };
            running.push_back(tokio::spawn(job.run(Arc::clone(&maker))));
        }
        // Those under way when one fails may be in the log already: their bundles count.
        let Some(next) = running.pop_front() else {
            break;
        };
        let outcome = next.await.map_err(|error| CliError::internal(&error));
        let told = outcome.flatten().and_then(|one| {
            bar.inc(1);
            bar.suspend(|| tell(context, &one))?;
            done.push(one);
            Ok(())
        });
        if let Err(error) = told {
            failed.get_or_insert(error);
        }
    }
    bar.finish_and_clear();
    (done, failed)
}

fn tell(context: &Context, done: &Done) -> Result<(), CliError> {
    let signed = verdict::summary(&done.file.display().to_string(), &done.verdict);
    let bundle = done.bundle.display().to_string();
    context
        .output
        .line(format_args!("{signed}\n  wrote {}", safe(&bundle)))?;
    if context.output.is_verbose() {
        context.output.line(verdict::steps(&done.verdict, true))?;
    }
    Ok(())
}

fn identity(verdict: &Verdict) -> Option<String> {
    match verdict.step(StepName::Identity) {
        Some(Step::Identity(who)) => Some(who.identity.clone()),
        _ => None,
    }
}

#[derive(Serialize)]
struct Report {
    version: u32,
    signed: bool,
    identity: Option<String>,
    results: Vec<Outcome>,
    error: Option<ErrorFields>,
}

#[derive(Serialize)]
struct Outcome {
    file: String,
    bundle: String,
}
