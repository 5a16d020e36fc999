//! `signhere git approve`: agree to a commit or tag, for everybody to see.

use clap::Args;
use serde::Serialize;
use signhere_git::approve::approval;
use signhere_git::object::Object;

use super::noting::{self, NotingArgs, SignerArgs};
use super::open;
use crate::commands::Context;
use crate::error::CliError;

/// Approve commits and tags
///
/// Signs a statement that you agree to the commit or annotated tag, and keeps it in its note. Trust files that ask for
/// several people count it.
#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    /// The commits and annotated tags
    #[arg(required = true, value_name = "OBJECT")]
    objects: Vec<String>,
    #[command(flatten)]
    noting: NotingArgs,
    #[command(flatten)]
    signer: SignerArgs,
}

#[derive(Serialize)]
struct Approved {
    approved: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &ApproveArgs) -> Result<(), CliError> {
    let repository = args.noting.open()?;
    let object = |revision: &String| noting::object(&repository, &repository.resolve(revision)?);
    let objects: Vec<Object> = args.objects.iter().map(object).collect::<Result<_, _>>()?;
    let statements = objects.iter();
    let statements = statements.map(|object| (object, approval((object.kind(), &object.id()))));
    let statements: Vec<_> = statements.collect();
    let (verifier, _) = open::verifier(context, &args.signer.trust)?;
    let signed = args.signer.sign(context, &verifier, &statements)?;
    let approved: Vec<String> = objects.iter().map(|one| one.id().to_string()).collect();
    let line = |object: &Object| format!("approved {} {}", object.id(), noting::subject(object));
    let lines: Vec<String> = objects.iter().map(line).collect();
    let stated = Approved { approved };
    args.noting
        .keep(context, &repository, signed, stated, &lines, "as")
}
