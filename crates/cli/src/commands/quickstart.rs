//! `signhere quickstart`: the whole way of one signature, on a private
//! Sigstore made for the purpose.

mod commits;
mod forgery;
mod login;
mod next;
mod server;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_sign::session::Session;
use signhere_verify::bundle::Bundle;
use signhere_verify::verdict::{Step, StepName, Verdict};
use signhere_verify::verifier::{Artifact, Policy, Verifier};
use zeroize::Zeroizing;

use self::commits::{Author, Commits};
use self::next::Lines;
use self::server::Server;
use super::{Context, block_on, sign};
use crate::error::{CliError, ErrorFields};
use crate::files;
use crate::login::http_client;
use crate::output::style::{BOLD, DIM, cross, paint, tick};
use crate::output::text::{bytes, safe};
use crate::output::verdict;
use crate::signing::tools;
use crate::{env, trust};

/// Sign a file and verify it, on a private Sigstore of your own
///
/// Starts a private Sigstore in this process, logs in, signs the file, verifies the signature step
/// by step, and shows that a forgery is refused; then the same with a commit, where there is git.
/// Nothing leaves this machine.
#[derive(Args, Debug)]
pub(crate) struct QuickstartArgs {
    /// The file to sign
    #[arg(default_value = "README.md", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The folder of the private instance; made if absent
    #[arg(long, value_name = "DIR", default_value = ".signhere/quickstart", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The loopback address to listen on [default: 127.0.0.1:3003, or else a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Who to be [default: the address in your git configuration, or your user name]
    #[arg(long, value_name = "ADDRESS")]
    identity: Option<String>,
}

pub(crate) fn run(context: &Context, args: &QuickstartArgs) -> Result<(), CliError> {
    // What is wrong with the file is said before anything is made.
    let digests = digests(context, &args.file)
        .map_err(|error| error.mend("name a file that can be read: signhere quickstart FILE"))?;
    let tour = Tour {
        context,
        args,
        digests,
    };
    block_on(async {
        tour.line(format_args!(
            "{} {}, on a private Sigstore of your own",
            paint(BOLD, "Sign and verify"),
            paint(BOLD, safe(&args.file.display().to_string())),
        ))?;
        let server = tour.start().await?;
        let outcome = tour.sign_and_verify(&server).await;
        let stopped = server.stop().await;
        outcome.and(stopped)
    })
}

/// The digests of a file, and not of a device that never ends.
fn digests(context: &Context, file: &Path) -> Result<Vec<Digest>, CliError> {
    let metadata = fs::metadata(file).map_err(|error| CliError::file("read", file, &error))?;
    if !metadata.is_file() {
        return Err(CliError::usage(format!("{} is not a file", file.display())));
    }
    files::digests(file, &HashAlgorithm::ALL, context.output)
}

/// One run, from the start of the instance to the lines to try next.
struct Tour<'a> {
    context: &'a Context,
    args: &'a QuickstartArgs,
    digests: Vec<Digest>,
}

/// A signature that was made and written.
struct Signed {
    author: Author,
    bundle: PathBuf,
}

impl Tour<'_> {
    async fn start(&self) -> Result<Server, CliError> {
        self.heading("1  Start a private Sigstore")?;
        let server = Server::start(self.context, self.args.listen, &self.args.dir).await?;
        self.fact("running at", &server.url)?;
        self.fact("keys and data", &self.args.dir.display().to_string())?;
        self.fact(
            "ready after",
            &format!("{} ms", server.start_time.as_millis()),
        )?;
        Ok(server)
    }

    async fn sign_and_verify(&self, server: &Server) -> Result<(), CliError> {
        let signed = self.sign(server).await?;
        let bytes = files::read(&signed.bundle, super::verify::BUNDLE_LIMIT)?;
        let bundle = Bundle::parse(&bytes)?;
        let verifier = Verifier::new(server.instance.trusted_root.clone())?;
        let policy = Policy::Identity {
            identity: signed.author.identity.clone(),
            issuer: server.issuer.clone(),
        };
        let verdict = self.verify(&verifier, &bundle, &policy)?;
        let forgery = self.forge(&verifier, &bundle, &policy)?;
        let git = self.commits(server, &signed.author).await?;
        self.finish(server, &signed, &verdict, forgery, git)
    }

    async fn sign(&self, server: &Server) -> Result<Signed, CliError> {
        let http = http_client();
        self.heading("2  Log in")?;
        let issuer = trust::issuer(&server.instance)?;
        let chosen = self.args.identity.as_deref();
        let token = login::log_in(self.context, chosen, issuer.as_ref(), &http).await?;
        let author = Author {
            identity: token.challenge().as_str().to_owned(),
            token: Zeroizing::new(token.secret().to_owned()),
        };
        self.fact("you are", &author.identity)?;
        self.fact("issuer", token.issuer())?;

        let size = fs::metadata(&self.args.file).map_or(0, |metadata| metadata.len());
        let file = self.args.file.display();
        self.heading(&format!("3  Sign {file} ({})", bytes(size)))?;
        let session = Session::keyless(&server.instance, token, tools(http))?;
        let signed = sign::sign_artifact(&session, &self.digests).await?;
        let json = signed.bundle.to_json();
        let bundle = files::bundle_path(&self.args.file);
        files::write_atomically(&bundle, &json)?;
        self.fact("key", "made in memory, used once, gone")?;
        if let Some(Step::Certificate(certificate)) = signed.verdict.step(StepName::Certificate) {
            let (start, end) = (certificate.not_before, certificate.not_after);
            self.fact("certificate", &format!("from {start} to {end}"))?;
        }
        if let Some(Step::Log(log)) = signed.verdict.step(StepName::Log) {
            for entry in log.entries.iter().filter_map(|entry| entry.proof.as_ref()) {
                self.fact("log entry", &format!("number {}", entry.leaf_index))?;
            }
        }
        let length = u64::try_from(json.len()).unwrap_or(u64::MAX);
        self.fact(
            "wrote",
            &format!("{} ({})", bundle.display(), bytes(length)),
        )?;
        Ok(Signed { author, bundle })
    }

    /// Verifies what was written, from the bundle alone.
    fn verify(
        &self,
        verifier: &Verifier,
        bundle: &Bundle,
        policy: &Policy,
    ) -> Result<Verdict, CliError> {
        self.heading("4  Verify it, from the bundle alone")?;
        let verdict = verifier.verify(bundle, &Artifact::Digests(&self.digests), policy);
        self.line(verdict::steps(&verdict, self.context.output.is_verbose()))?;
        match &verdict.failure {
            None => Ok(verdict),
            Some(failure) => Err(CliError::from(failure).about(&self.subject())),
        }
    }

    /// Has a forgery refused, and says why it was; also with a bundle that
    /// was made to fit it.
    fn forge(
        &self,
        verifier: &Verifier,
        bundle: &Bundle,
        policy: &Policy,
    ) -> Result<Forgery, CliError> {
        self.heading("5  Refuse a forgery: the same file with one bit changed")?;
        let forged = forgery::digests(&self.args.file, &HashAlgorithm::ALL)?;
        let refuse = |bundle: &Bundle| -> Result<CliError, CliError> {
            let verdict = verifier.verify(bundle, &Artifact::Digests(&forged), policy);
            match &verdict.failure {
                Some(failure) => Ok(CliError::from(failure)),
                None => Err(CliError::internal(&"a forged file was accepted")),
            }
        };
        let refused = refuse(bundle)?;
        self.line(format_args!("   {} refused: {}", cross(), refused.brief()))?;
        let fitted = refuse(&forgery::fit(bundle.clone(), &forged))?;
        self.line(format_args!(
            "   {} refused, with a bundle made to fit it: {}",
            cross(),
            fitted.brief()
        ))?;
        Ok(Forgery {
            refused: refused.fields(),
            refused_with_fitted_bundle: fitted.fields(),
        })
    }

    fn finish(
        &self,
        server: &Server,
        signed: &Signed,
        verdict: &Verdict,
        forgery: Forgery,
        git: Option<Commits>,
    ) -> Result<(), CliError> {
        let lines = Lines {
            program: &env::program(),
            file: &self.args.file,
            bundle: &signed.bundle,
            dir: &self.args.dir,
            address: &server.address,
            identity: &signed.author.identity,
            issuer: &server.issuer,
        };
        if !self.context.output.is_json() {
            return self.line(format_args!("\n{lines}"));
        }
        self.context.output.document(&Document {
            version: 1,
            file: self.subject(),
            bundle: signed.bundle.display().to_string(),
            folder: self.args.dir.display().to_string(),
            identity: &signed.author.identity,
            issuer: &server.issuer,
            verdict,
            forgery,
            git,
            next: lines.all().into_iter().map(|line| line.command).collect(),
        })
    }

    fn subject(&self) -> String {
        self.args.file.display().to_string()
    }

    fn heading(&self, text: &str) -> Result<(), CliError> {
        self.line(format_args!("\n{}", paint(BOLD, safe(text))))
    }

    fn fact(&self, name: &str, value: &str) -> Result<(), CliError> {
        let name = paint(DIM, format_args!("{name:<13}"));
        self.line(format_args!("   {} {name} {}", tick(), safe(value)))
    }

    fn line(&self, line: impl std::fmt::Display) -> Result<(), CliError> {
        self.context.output.line(line)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    file: String,
    bundle: String,
    folder: String,
    identity: &'a str,
    issuer: &'a str,
    verdict: &'a Verdict,
    forgery: Forgery,
    git: Option<Commits>,
    next: Vec<String>,
}

/// Why the forgery was refused, twice.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Forgery {
    refused: ErrorFields,
    refused_with_fitted_bundle: ErrorFields,
}
