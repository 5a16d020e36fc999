use signhere_verify::verdict::{ExtensionEvidence, Failure, Reason, StepName, Verdict};

use super::words::Login;
use super::*;

fn plain(nodes: &[Node]) -> String {
    anstream::adapter::strip_str(&tree(nodes)).to_string()
}

fn extension(name: &'static str, value: &str) -> ExtensionEvidence {
    ExtensionEvidence {
        oid: String::new(),
        name,
        value: value.to_owned(),
    }
}

#[test]
fn logins_in_words() {
    let words = |identity: &str, issuer: &str, extensions: &[ExtensionEvidence]| {
        Login {
            identity,
            issuer,
            extensions,
        }
        .words()
    };
    let workflow = "https://github.com/o/r/.github/workflows/release.yml@refs/tags/v1";
    let actions = "https://token.actions.githubusercontent.com";
    let extensions = [
        extension("Source Repository URI", "https://github.com/o/r"),
        extension("Source Repository Ref", "refs/tags/v1"),
        extension("Build Trigger", "push"),
        extension("Build Config URI", workflow),
    ];
    assert_eq!(
        words(workflow, actions, &extensions),
        "GitHub Actions: workflow .github/workflows/release.yml of repository github.com/o/r at refs/tags/v1, triggered by push"
    );
    let reused = "https://github.com/lib/w/.github/workflows/build.yml@refs/heads/main";
    assert!(words(reused, actions, &extensions).ends_with(&format!(", through {reused}")));
    let google = "https://accounts.google.com";
    assert_eq!(words("you@example.com", google, &[]), "a Google account");
    assert_eq!(
        words("x@y.iam.gserviceaccount.com", google, &[]),
        "a Google Cloud service account"
    );
    // A look-alike is not taken for the one that it looks like.
    let fake = "https://accounts.google.com.example.net";
    assert_eq!(
        words("you@example.com", fake, &[]),
        format!("a login at {fake}")
    );
}

#[test]
fn the_failing_node_says_what_to_do_and_hostile_text_is_shown() {
    let failure = Failure {
        step: StepName::Bundle,
        reason: Reason::PolicyNeedsKey,
        item: None,
        expected: Some("a certificate".to_owned()),
        found: Some("a key \u{1b}[2J\u{202e}".to_owned()),
        nearest: None,
    };
    let verdict = Verdict {
        steps: Vec::new(),
        failure: Some(failure.clone()),
        unknown_fields: Vec::new(),
    };
    let error = CliError::from(&failure);
    let nodes = Evidence {
        verdict: Some(&verdict),
        error: Some(&error),
        ..Evidence::default()
    }
    .explain();
    let text = plain(&nodes);
    assert!(
        text.starts_with(
            "├─ ✗ bundle  cannot be read\n\
             │      refused   the bundle is signed with a key, and no key was given to verify it with [SH-POLICY-NEEDS-KEY]\n\
             │      expected  a certificate\n\
             │      found     a key \\u{1b}[2J\\u{202e}\n\
             │      mend      signhere verify --key PUBLIC_KEY FILE\n\
             │      more      signhere explain SH-POLICY-NEEDS-KEY\n\
             ├─ - artifact  not looked at: something before it failed\n"
        ),
        "{text}"
    );
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
}
