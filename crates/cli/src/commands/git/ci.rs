//! `signhere git ci`: the job that judges pull requests on a forge.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::commands::Context;
use crate::error::CliError;
use crate::files;
use crate::output::style::tick;

/// Print the CI job that judges pull requests
///
/// The job fetches this program from the address that you name, and runs it only if its digest is the one that you name.
#[derive(Args, Debug)]
pub(super) struct CiArgs {
    /// Whose CI it is for
    forge: Forge,
    /// Where the job fetches the program from: an https:// address
    #[arg(long, value_name = "URL")]
    url: String,
    /// The SHA-256 of the program there, in hexadecimal
    #[arg(long, value_name = "HEX")]
    sha256: String,
    /// The branch that pull requests are for
    #[arg(long, value_name = "BRANCH", default_value = "main")]
    branch: String,
    /// Write it to where the forge looks for it, unless a file is there
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Forge {
    /// GitHub Actions
    Github,
    /// GitLab CI
    Gitlab,
}

pub(super) fn run(context: &Context, args: &CiArgs) -> Result<(), CliError> {
    let plain = |text: &str, others: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    // What stands in the job is put into a shell there.
    if !args.url.starts_with("https://") || !plain(&args.url, "-._~/:@%+=&?") {
        return Err(CliError::usage("--url is no plain https:// address"));
    }
    if args.sha256.len() != 64 || !args.sha256.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(CliError::usage("--sha256 is no SHA-256 in hexadecimal"));
    }
    if !plain(&args.branch, "-._/") {
        return Err(CliError::usage(
            "--branch has characters that are not put into a job",
        ));
    }
    let (text, path) = match args.forge {
        Forge::Github => (GITHUB, ".github/workflows/signhere.yml"),
        Forge::Gitlab => (GITLAB, ".gitlab/signhere.gitlab-ci.yml"),
    };
    let text = text
        .replace("{url}", &args.url)
        .replace("{sha256}", &args.sha256.to_ascii_lowercase())
        .replace("{branch}", &args.branch);
    if !args.write {
        return context.output.exactly(&text);
    }
    let path = PathBuf::from(path);
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::create_dir_all(folder).map_err(|error| CliError::file("make", folder, &error))?;
    }
    files::create_new(&path, text.as_bytes(), false)?;
    context
        .output
        .line(format!("{} {} is written", tick(), path.display()))
}

const GITHUB: &str = r#"# Judges the commits of pull requests by the target branch's .signhere/trust.toml.
# A pull request can change this file for its own run: make the check a required workflow of a ruleset.
name: signhere
on:
  pull_request:
    branches: ["{branch}"]
permissions: {}
jobs:
  commits:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          ref: ${{ github.event.pull_request.head.sha }}
          fetch-depth: 0
          persist-credentials: false
      - name: Fetch signhere
        run: |
          curl --fail --silent --show-error --location --proto '=https' --output "$RUNNER_TEMP/signhere" '{url}'
          echo '{sha256}  '"$RUNNER_TEMP/signhere" | sha256sum --check --strict
          chmod +x "$RUNNER_TEMP/signhere"
      - name: Judge the commits
        env:
          BASE: ${{ github.event.pull_request.base.sha }}
          HEAD: ${{ github.event.pull_request.head.sha }}
          REF: refs/heads/${{ github.event.pull_request.base.ref }}
        run: |
          git fetch --quiet origin '+refs/notes/signhere:refs/notes/signhere' || true
          "$RUNNER_TEMP/signhere" git check --base "$BASE" --head "$HEAD" --ref "$REF"
"#;

const GITLAB: &str = r#"# Judges the commits of merge requests by the target branch's .signhere/trust.toml.
# Include it from a project that the author of a merge request cannot change, or as a pipeline execution policy.
signhere:
  stage: test
  image: buildpack-deps:bookworm-scm
  timeout: 10 minutes
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event" && $CI_MERGE_REQUEST_TARGET_BRANCH_NAME == "{branch}"
  variables:
    GIT_DEPTH: "0"
  script:
    - curl --fail --silent --show-error --location --proto '=https' --output /tmp/signhere '{url}'
    - echo '{sha256}  /tmp/signhere' | sha256sum --check --strict
    - chmod +x /tmp/signhere
    - git fetch --quiet origin "+refs/heads/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME:refs/remotes/origin/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
    - git fetch --quiet origin '+refs/notes/signhere:refs/notes/signhere' || true
    - >-
      /tmp/signhere git check --base "origin/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME" --head "$CI_COMMIT_SHA"
      --ref "refs/heads/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME" --code-quality gl-code-quality-report.json
  artifacts:
    when: always
    reports:
      codequality: gl-code-quality-report.json
"#;
