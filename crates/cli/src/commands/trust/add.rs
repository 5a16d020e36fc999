//! `signhere trust add|remove|revoke`: changes that leave the rest of the file as it is.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use signhere_pki::time::Clock as _;
use signhere_verify::policy::{
    Severity, Signer, TrustFile, WriteError, entry, lint, with_revocation, with_signer,
    without_signer,
};

use super::FileArgs;
use super::who::{WhoArgs, time};
use crate::clock::SystemClock;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::output::style::{DIM, paint, tick};
use crate::output::text::safe;
use crate::policy::{self, AtHand};

/// Allow somebody to sign
///
/// Identities are exact; `*` stands for one path segment or a whole ref name. What is too wide is
/// refused, what is listed already is left as it is.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  signhere trust add --repo acme/tool --workflow release.yml --ref 'refs/tags/*'\n  signhere trust add --email alice@example.com --issuer google\n  signhere trust add --key release.pub --file '*.tar.gz' --until 2027-12-31"
)]
pub(super) struct AddArgs {
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    file: FileArgs,
}

/// Take a signer out of the file
///
/// Its old signatures count no more either. To keep them: `trust revoke`.
#[derive(Args, Debug)]
pub(super) struct RemoveArgs {
    /// The signer's name in the file
    name: String,
    #[command(flatten)]
    file: FileArgs,
}

/// Let nothing count that a signer signs from a time on
#[derive(Args, Debug)]
pub(super) struct RevokeArgs {
    /// The signer's name in the file
    name: String,
    /// The first day, or second, that counts no more [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    #[command(flatten)]
    file: FileArgs,
}

pub(super) fn run(context: &Context, args: &AddArgs) -> Result<(), CliError> {
    let signer = args.who.signer()?;
    let is_chosen = args.who.name.is_some();
    let (path, signer, is_new) = add(args.file.trust.as_deref(), signer, is_chosen)?;
    report(context, &path, &signer, is_new)
}

/// Adds a signer, unless it is there already, and returns where and under which name it is.
pub(super) fn add(
    named: Option<&Path>,
    mut signer: Signer,
    is_chosen: bool,
) -> Result<(PathBuf, Signer, bool), CliError> {
    let path = policy::to_change(named)?;
    let known = existing(&path)?;
    if let Some(known) = &known {
        let mut listed = known.file.signers.iter();
        if let Some(same) = listed.find(|listed| is_same(listed, &signer)) {
            return Ok((path, same.clone(), false));
        }
        name(&mut signer, &known.file, is_chosen)?;
    }
    refuse_wide(&signer, known.as_ref().map(|known| &known.file))?;
    let before = known.as_ref().map_or("", |known| known.text.as_str());
    write(&path, &with_signer(before, &signer)?)?;
    Ok((path, signer, true))
}

pub(super) fn remove(context: &Context, args: &RemoveArgs) -> Result<(), CliError> {
    let path = policy::to_change(args.file.trust.as_deref())?;
    let known = AtHand::load(&path)?;
    write(&path, &without_signer(&known.text, &args.name)?)?;
    changed(context, &path, &args.name, "removed")
}

pub(super) fn revoke(context: &Context, args: &RevokeArgs) -> Result<(), CliError> {
    let path = policy::to_change(args.file.trust.as_deref())?;
    let known = AtHand::load(&path)?;
    let from = match &args.from {
        Some(text) => time(text, 0)?,
        None => SystemClock.now(),
    };
    write(&path, &with_revocation(&known.text, &args.name, from)?)?;
    changed(context, &path, &args.name, "revoked")
}

fn existing(path: &Path) -> Result<Option<AtHand>, CliError> {
    match path.exists() {
        true => AtHand::load(path).map(Some),
        false => Ok(None),
    }
}

fn is_same(listed: &Signer, signer: &Signer) -> bool {
    let mut named = signer.clone();
    named.name.clone_from(&listed.name);
    *listed == named
}

/// Gives the signer a name that the file does not have yet, unless it was chosen.
fn name(signer: &mut Signer, file: &TrustFile, is_chosen: bool) -> Result<(), CliError> {
    let is_taken = |name: &str| file.signers.iter().any(|listed| listed.name == name);
    if !is_taken(&signer.name) {
        return Ok(());
    }
    if is_chosen {
        let name = signer.name.clone();
        return Err(WriteError::Exists { name }.into());
    }
    let stem = signer.name.clone();
    let mut names = (2..=file.signers.len().saturating_add(2)).map(|n| format!("{stem}-{n}"));
    if let Some(free) = names.find(|name| !is_taken(name)) {
        signer.name = free;
    }
    Ok(())
}

/// What lint would refuse is not written in the first place. The text is read back: no flag can write what
/// the reader would not take.
fn refuse_wide(signer: &Signer, beside: Option<&TrustFile>) -> Result<(), CliError> {
    let text = entry(signer);
    let no_files = |_: &str| Err("no file is named".to_owned());
    let read = TrustFile::parse(
        &text,
        "the new entry",
        beside.and_then(|file| file.base.as_deref()),
        &no_files,
    )?;
    let mut together = beside.cloned().unwrap_or_default();
    together.signers.extend(read.signers);
    let findings = lint(&together, SystemClock.now());
    let fault = findings
        .iter()
        .find(|finding| finding.severity == Severity::Fault && finding.signer == signer.name);
    match fault {
        None => Ok(()),
        Some(fault) => Err(CliError::new(
            Exit::Findings,
            "SH-TRUST-WIDE",
            format!("this would be too wide: {}", fault.message),
        )
        .mend(fault.mend)),
    }
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        fs::create_dir_all(folder).map_err(|error| CliError::file("make", folder, &error))?;
    }
    files::write_atomically(path, text.as_bytes())
}

fn report(context: &Context, path: &Path, signer: &Signer, is_new: bool) -> Result<(), CliError> {
    let entry = entry(signer);
    if context.output.is_json() {
        return context.output.document(&Added {
            version: 1,
            file: path.display().to_string(),
            name: &signer.name,
            added: is_new,
            entry: &entry,
        });
    }
    let file = path.display().to_string();
    let head = match is_new {
        true => format!(
            "{} {} may sign: added to {}",
            tick(),
            signer.name,
            safe(&file)
        ),
        false => format!("{} {} is in {} already", tick(), signer.name, safe(&file)),
    };
    context.output.line(head)?;
    for line in entry.lines() {
        context
            .output
            .line(format!("   {}", paint(DIM, safe(line))))?;
    }
    Ok(())
}

fn changed(context: &Context, path: &Path, name: &str, what: &'static str) -> Result<(), CliError> {
    let file = path.display().to_string();
    if context.output.is_json() {
        return context.output.document(&Changed {
            version: 1,
            file,
            name,
            change: what,
        });
    }
    let line = format!("{} {} is {what} in {}", tick(), safe(name), safe(&file));
    context.output.line(line)
}

#[derive(Serialize)]
struct Added<'a> {
    version: u32,
    file: String,
    name: &'a str,
    added: bool,
    entry: &'a str,
}

#[derive(Serialize)]
struct Changed<'a> {
    version: u32,
    file: String,
    name: &'a str,
    change: &'static str,
}
