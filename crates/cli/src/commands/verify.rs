//! `signhere verify`: who signed this?

mod args;
mod checksums;
mod discover;
mod folder;
mod form;
mod judge;
mod report;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use indicatif::ProgressBar;
use signhere_verify::formats::checksums::ChecksumsError;

pub(crate) use self::args::VerifyArgs;
use self::checksums::Covered;
use self::folder::Folder;
pub(crate) use self::judge::BUNDLE_LIMIT;
use self::judge::Verification;
use self::report::{Checked, Report};
use super::{Context, batch};
use crate::error::{CliError, shell_word};
use crate::exit::Exit;
use crate::output::progress;
use crate::trust;

pub(crate) fn run(context: &Context, args: &VerifyArgs) -> Result<(), CliError> {
    let mut asked = Asked::new(args)?;
    let inner = form::context(context, args)?;
    let is_many = asked.files.len() > 1 || args.checksums.is_some();
    let verification = Verification {
        bundle: args.bundle.as_deref(),
        policy: args.policy(context)?,
        registry_keys: args.registry_keys()?,
        known: trust::known(context, &args.trust)?,
        is_list: args.checksums.is_some(),
        output: match is_many {
            true => context.output.below_a_bar(),
            false => context.output,
        },
        in_memory: Mutex::new(()),
    };

    let mut done = Vec::new();
    let mut shown = Shown::new(&inner, args, asked.files.len(), &mut done);
    batch::in_order(
        &asked.files,
        |file| verification.check(file),
        |checked| shown.take(checked),
    )?;
    shown.bar.finish_and_clear();

    let covered = asked.covered(args, &done, context);
    let mut shown = Shown::new(&inner, args, covered.len(), &mut done);
    let checks = |work: &Result<Covered, Box<Checked>>| match work {
        Ok(covered) => covered.check(&verification),
        Err(checked) => Checked::clone(checked),
    };
    batch::in_order(&covered, checks, |checked| shown.take(checked))?;
    shown.bar.finish_and_clear();
    asked.conclude(context, args, &done)
}

/// What is to be verified, as far as the command line and the folders say.
struct Asked {
    files: Vec<PathBuf>,
    unsigned: Vec<PathBuf>,
    skipped: Vec<String>,
    missing: Vec<String>,
    /// Lists that were named, and that no file at hand is named by.
    idle_lists: Vec<PathBuf>,
    has_folder: bool,
}

impl Asked {
    fn new(args: &VerifyArgs) -> Result<Self, CliError> {
        let mut this = Self {
            files: Vec::new(),
            unsigned: Vec::new(),
            skipped: Vec::new(),
            missing: Vec::new(),
            idle_lists: Vec::new(),
            has_folder: false,
        };
        if let Some(list) = &args.checksums {
            if args.artifacts.iter().any(|artifact| artifact.is_dir()) {
                return Err(
                    CliError::usage("--checksums goes with files, not with folders")
                        .mend("to check what a list names: signhere verify LIST"),
                );
            }
            this.files.push(list.clone());
            return Ok(this);
        }
        for artifact in &args.artifacts {
            if !artifact.is_dir() {
                this.files.push(artifact.clone());
                continue;
            }
            let folder = Folder::walk(artifact)?;
            this.has_folder = true;
            this.files.extend(folder.signed);
            this.unsigned.extend(folder.unsigned);
            let skipped = folder.skipped.iter();
            this.skipped
                .extend(skipped.map(|path| path.display().to_string()));
        }
        if args.bundle.is_some() && (this.has_folder || this.files.len() > 1) {
            return Err(CliError::usage("--bundle goes with one file only"));
        }
        Ok(this)
    }

    /// What the lists among the verified files say of others.
    fn covered(
        &mut self,
        args: &VerifyArgs,
        done: &[Checked],
        context: &Context,
    ) -> Vec<Result<Covered, Box<Checked>>> {
        let mut covered = Vec::new();
        let verified = done.iter().filter(|checked| checked.error.is_none());
        for checked in verified {
            let list = PathBuf::from(&checked.subject);
            let Some(verdict) = checked.verdict.clone().map(Arc::new) else {
                continue;
            };
            let instance = checked.instance.as_ref();
            let instance = instance.and_then(|chosen| chosen.instance.clone());
            let signed_on = |mut one: Covered| {
                one.instance.clone_from(&instance);
                one
            };
            match (&checked.list, &args.checksums) {
                (None, None) => {}
                (Some(Ok(lines)), None) => {
                    let (found, missing) = checksums::at_hand(&list, lines, &verdict);
                    if found.is_empty() && args.artifacts.contains(&list) {
                        self.idle_lists.push(list);
                    }
                    self.missing.extend(missing);
                    covered.extend(found.into_iter().map(signed_on).map(Ok));
                }
                (Some(Ok(lines)), Some(_)) => {
                    let of = |file: &PathBuf| {
                        checksums::line_of(file, &list, lines, &verdict)
                            .map(signed_on)
                            .map_err(|error| Box::new(Checked::refused(file, error)))
                    };
                    covered.extend(args.artifacts.iter().map(of));
                }
                (Some(Err(error)), given) => {
                    if given.is_none() && is_no_list(error) {
                        let shown = list.display();
                        context
                            .output
                            .note(format_args!("{shown} is not read as a list: {error}"));
                        continue;
                    }
                    let error = CliError::from(error.clone()).about(&checked.subject);
                    covered.push(Err(Box::new(Checked::refused(&list, error))));
                }
                (None, Some(_)) => {
                    let message = format!("{}: it is too large for a list", list.display());
                    let error = CliError::new(Exit::NoMatchingSignature, "SH-CHECKSUMS", message);
                    covered.push(Err(Box::new(Checked::refused(&list, error))));
                }
            }
        }
        covered
    }

    /// Says what the results cannot say one by one, and how it all ends.
    fn conclude(
        mut self,
        context: &Context,
        args: &VerifyArgs,
        done: &[Checked],
    ) -> Result<(), CliError> {
        let known: HashSet<&Path> = done.iter().map(|one| Path::new(&one.subject)).collect();
        self.unsigned.retain(|path| !known.contains(path.as_path()));
        let failed = done.iter().find_map(|checked| checked.error.as_ref());
        let error = match failed {
            Some(_) => None,
            None => self.shortcoming(args, done),
        };
        if context.output.is_json() {
            let unsigned: Vec<_> = self
                .unsigned
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            let trees = |checked: &Checked| args.explain.then(|| form::nodes(checked));
            let report = Report {
                version: 1,
                verified: failed.is_none() && error.is_none(),
                results: done
                    .iter()
                    .map(|checked| checked.report(trees(checked)))
                    .collect(),
                unsigned: &unsigned,
                missing: &self.missing,
                skipped: &self.skipped,
                error: error.as_ref().map(CliError::fields),
            };
            form::emit(context, args, &form::json(&report)?)?;
        } else {
            let unsigned = self.unsigned.iter().map(|path| path.display().to_string());
            remark(
                context,
                "without a signature",
                &unsigned.collect::<Vec<_>>(),
            );
            remark(context, "named in a list and not here", &self.missing);
            remark(context, "not looked at", &self.skipped);
            if let Some(error) = &error {
                context.output.error(error);
            }
            form::write(context, args, done, error.as_ref())?;
        }
        match failed
            .map(CliError::exit)
            .or_else(|| error.map(|error| error.exit()))
        {
            Some(exit) => Err(CliError::reported(exit)),
            None => Ok(()),
        }
    }

    /// Why everything that was verified holds, and is not enough.
    fn shortcoming(&self, args: &VerifyArgs, done: &[Checked]) -> Option<CliError> {
        if let Some(list) = self.idle_lists.first() {
            let message = format!(
                "{}: none of the files that it names is here",
                list.display()
            );
            return Some(
                CliError::new(Exit::NoArtifact, "SH-CHECKSUMS-NOTHING", message)
                    .expected(self.missing.first().cloned().unwrap_or_default())
                    .mend(
                        "put the list next to the files, or: signhere verify --checksums LIST FILE",
                    ),
            );
        }
        let count = self.unsigned.len();
        let is_empty = self.has_folder && done.is_empty();
        if is_empty || (count > 0 && !args.allow_unsigned) {
            let message = match (is_empty, count) {
                (true, _) => "nothing here has a signature".to_owned(),
                (false, 1) => "1 file has no signature".to_owned(),
                (false, count) => format!("{count} files have no signature"),
            };
            let error = CliError::new(Exit::NoSignature, "SH-UNSIGNED", message)
                .expected("a bundle next to each file, or a signed list of checksums");
            return Some(match self.unsigned.first() {
                Some(first) => {
                    let first = first.display().to_string();
                    let word = shell_word(&first);
                    error.found(first).mend(format!(
                        "signhere sign {word}, or allow it: --allow-unsigned"
                    ))
                }
                None => error,
            });
        }
        None
    }
}

/// Results on their way to whoever looks on.
struct Shown<'a> {
    context: &'a Context,
    args: &'a VerifyArgs,
    done: &'a mut Vec<Checked>,
    bar: ProgressBar,
}

impl<'a> Shown<'a> {
    fn new(
        context: &'a Context,
        args: &'a VerifyArgs,
        count: usize,
        done: &'a mut Vec<Checked>,
    ) -> Self {
        Self {
            context,
            args,
            done,
            bar: progress::files(context.output, "verifying", count),
        }
    }

    fn take(&mut self, checked: Checked) -> Result<(), CliError> {
        let tree = self.args.explain.then(|| form::nodes(&checked));
        self.bar
            .suspend(|| checked.show(self.context, tree.as_deref()))?;
        self.bar.inc(1);
        self.done.push(checked);
        Ok(())
    }
}

/// Whether a file that is called like a list is just something else. One that is a list and lies about it is an error.
fn is_no_list(error: &ChecksumsError) -> bool {
    !matches!(
        error,
        ChecksumsError::Algorithm { .. }
            | ChecksumsError::Path { .. }
            | ChecksumsError::Duplicate { .. }
    )
}

/// One line for many names; all of them with `--verbose`.
fn remark(context: &Context, what: &str, names: &[String]) {
    const FEW: usize = 5;
    if names.is_empty() {
        return;
    }
    let shown = match context.output.is_verbose() {
        true => names.len(),
        false => FEW.min(names.len()),
    };
    let list: Vec<&str> = names.iter().take(shown).map(String::as_str).collect();
    let more = match names.len().saturating_sub(shown) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!("{what}: {}{more}", list.join(", "));
    context.output.note(crate::output::text::safe(&text));
}
