//! What the tokens of every provider become, and which are refused.

use serde_json::{Value, json};
use signhere_pki::cert::San;
use signhere_pki::fulcio;

use crate::issuers::config::{FulcioConfig, IssuerUrl};
use crate::issuers::{Disbelief, Principal};

const CONFIG: &str = include_str!("../../../../../testdata/issuers/fulcio.yaml");

/// What the issuer called `url` says by these claims, their signature taken for granted.
fn principal(url: &str, claims: &Value) -> Result<Principal, Disbelief> {
    let config = FulcioConfig::parse(CONFIG).unwrap();
    let issuer = config.issuers.iter().find(|issuer| match &issuer.url {
        IssuerUrl::Exact(known) => known == url,
        IssuerUrl::Wildcard(wildcard) => wildcard.matches(url),
    });
    issuer.unwrap().principal(url, claims.as_object().unwrap())
}

fn refused(url: &str, claims: &Value) -> String {
    principal(url, claims).unwrap_err().to_string()
}

fn missing(claim: &str) -> String {
    format!("the identity token is not believed: the claim {claim} is missing")
}

fn not(claim: &str, expected: &str) -> String {
    format!("the identity token is not believed: the claim {claim} is not {expected}")
}

/// The claims with one changed; `null` takes it away.
fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

fn uri(text: &str) -> San {
    San::Uri(text.to_owned())
}

/// The extensions as they must be in a certificate, from their texts: bare up to number 6, then DER.
fn extensions(texts: &[(u32, &str)]) -> Vec<(String, Vec<u8>)> {
    let encode = |(number, text): &(u32, &str)| {
        let mut value = Vec::new();
        if *number > 6 {
            value.push(0x0c);
            match text.len() {
                short @ 0..128 => value.push(u8::try_from(short).unwrap()),
                long => value.extend([0x81, u8::try_from(long).unwrap()]),
            }
        }
        value.extend(text.as_bytes());
        (format!("1.3.6.1.4.1.57264.1.{number}"), value)
    };
    texts.iter().map(encode).collect()
}

fn expect(principal: &Principal, san: &San, texts: &[(u32, &str)]) {
    assert_eq!(&principal.san, san);
    let found = principal.extensions.iter();
    let found: Vec<_> = found
        .map(|(oid, value)| (oid.to_string(), value.clone()))
        .collect();
    assert_eq!(found, extensions(texts));
}

fn github() -> Value {
    json!({
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:octo-org/octo-repo:environment:prod",
        "aud": "sigstore",
        "jti": "8b8cd0a4-16a8-4e5b-a2b4-2f6f1c0d0e11",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "ref_protected": "true",
        "sha": "3f2c0d4be1a5f9b1d7f6c3a8e9b0c1d2e3f4a5b6",
        "repository": "octo-org/octo-repo",
        "repository_id": "74",
        "repository_owner": "octo-org",
        "repository_owner_id": "65",
        "repository_visibility": "private",
        "run_id": "30433642",
        "run_number": "10",
        "run_attempt": "2",
        "runner_environment": "github-hosted",
        "actor": "octocat",
        "workflow": "release",
        "head_ref": "",
        "base_ref": "",
        "event_name": "workflow_dispatch",
        "environment": "prod",
        "workflow_ref": "octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main",
        "workflow_sha": "0123456789012345678901234567890123456789",
        "job_workflow_ref": "octo-org/automation/.github/workflows/oidc.yml@refs/heads/v1",
        "job_workflow_sha": "abcdefabcdefabcdefabcdefabcdefabcdefabcd",
        "enterprise_id": 12,
        "iat": 1_795_000_000, "nbf": 1_795_000_000, "exp": 1_795_000_300,
    })
}

const GITHUB: [(u32, &str); 23] = [
    (1, "https://token.actions.githubusercontent.com"),
    (2, "workflow_dispatch"),
    (3, "3f2c0d4be1a5f9b1d7f6c3a8e9b0c1d2e3f4a5b6"),
    (4, "release"),
    (5, "octo-org/octo-repo"),
    (6, "refs/heads/main"),
    (8, "https://token.actions.githubusercontent.com"),
    (
        9,
        "https://github.com/octo-org/automation/.github/workflows/oidc.yml@refs/heads/v1",
    ),
    (10, "abcdefabcdefabcdefabcdefabcdefabcdefabcd"),
    (11, "github-hosted"),
    (12, "https://github.com/octo-org/octo-repo"),
    (13, "3f2c0d4be1a5f9b1d7f6c3a8e9b0c1d2e3f4a5b6"),
    (14, "refs/heads/main"),
    (15, "74"),
    (16, "https://github.com/octo-org"),
    (17, "65"),
    (
        18,
        "https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main",
    ),
    (19, "0123456789012345678901234567890123456789"),
    (20, "workflow_dispatch"),
    (
        21,
        "https://github.com/octo-org/octo-repo/actions/runs/30433642/attempts/2",
    ),
    (22, "private"),
    (23, "prod"),
    (24, "repo:octo-org/octo-repo:environment:prod"),
];
const GITHUB_SAN: &str =
    "https://github.com/octo-org/automation/.github/workflows/oidc.yml@refs/heads/v1";

#[test]
fn github_actions() {
    let url = "https://token.actions.githubusercontent.com";
    let found = principal(url, &github()).unwrap();
    expect(&found, &uri(GITHUB_SAN), &GITHUB);
    assert_eq!(found.challenge, "repo:octo-org/octo-repo:environment:prod");
    assert_eq!(found.challenge_claim, "sub");

    // Without an environment there is no extension for it.
    let found = principal(url, &with(&github(), "environment", Value::Null)).unwrap();
    let without: Vec<_> = GITHUB.into_iter().filter(|(n, _)| *n != 23).collect();
    expect(&found, &uri(GITHUB_SAN), &without);

    // An organization's own issuer is named as it is.
    let own = "https://token.actions.githubusercontent.com/octo-org";
    let found = principal(own, &github()).unwrap();
    assert_eq!(found.issuer, own);

    for claim in [
        "job_workflow_ref",
        "sha",
        "run_attempt",
        "repository_visibility",
    ] {
        assert_eq!(
            refused(url, &with(&github(), claim, Value::Null)),
            missing(claim)
        );
    }
    for value in [json!({}), json!(["x"])] {
        assert_eq!(
            refused(url, &with(&github(), "sha", value)),
            not("sha", "a text, a number or a truth value")
        );
    }
    assert_eq!(
        refused(url, &with(&github(), "ref", json!("refs/heads/a\nb"))),
        not("ref", "free of control characters")
    );
    assert_eq!(
        refused(url, &with(&github(), "workflow", json!("x".repeat(2049)))),
        not("workflow", "at most 2048 bytes long")
    );
    assert_eq!(
        refused(url, &with(&github(), "url", json!("javascript:x"))),
        not("sub", "of a build whose name is a URI")
    );
    let mut large = github();
    for (_, claim) in GITHUB.into_iter().filter(|(n, _)| *n > 8) {
        for (name, value) in github().as_object().unwrap() {
            if value == claim {
                large[name] = json!("y".repeat(2000));
            }
        }
    }
    assert_eq!(
        refused(url, &large),
        "the identity token is not believed: its claims make a text of more than 16384 bytes"
    );
}

#[test]
fn github_actions_before_templates() {
    let url = "https://old-github.example.com";
    let found = principal(url, &github()).unwrap();
    let expected = GITHUB.into_iter().filter(|(n, _)| *n != 23);
    let expected = expected.map(|(n, text)| {
        if n == 1 || n == 8 {
            (n, url)
        } else {
            (n, text)
        }
    });
    expect(&found, &uri(GITHUB_SAN), &expected.collect::<Vec<_>>());
    for (value, message) in [
        (Value::Null, missing("run_id")),
        (json!(""), missing("run_id")),
        (json!(30_433_642), not("run_id", "a text")),
    ] {
        assert_eq!(refused(url, &with(&github(), "run_id", value)), message);
    }
}

fn gitlab() -> Value {
    json!({
        "iss": "https://gitlab.com",
        "sub": "project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
        "aud": "sigstore",
        "namespace_id": "72",
        "namespace_path": "my-group",
        "project_id": "20",
        "project_path": "my-group/my-project",
        "user_id": "1",
        "user_login": "sample-user",
        "user_email": "sample-user@example.com",
        "user_identities": [{ "provider": "github", "extern_uid": "2435223452345" }],
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "feature-branch-1",
        "ref_type": "branch",
        "ref_path": "refs/heads/feature-branch-1",
        "ref_protected": "false",
        "environment": "test-environment2",
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "public",
        "ci_config_ref_uri": "gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
        "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bd",
    })
}

const GITLAB: [(u32, &str); 18] = [
    (1, "https://gitlab.com"),
    (8, "https://gitlab.com"),
    (
        9,
        "https://gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
    ),
    (10, "714a629c0b401fdce83e847fc9589983fc6f46bd"),
    (11, "self-hosted"),
    (12, "https://gitlab.com/my-group/my-project"),
    (13, "714a629c0b401fdce83e847fc9589983fc6f46bc"),
    (14, "refs/heads/feature-branch-1"),
    (15, "20"),
    (16, "https://gitlab.com/my-group"),
    (17, "72"),
    (
        18,
        "https://gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
    ),
    (19, "714a629c0b401fdce83e847fc9589983fc6f46bd"),
    (20, "push"),
    (21, "https://gitlab.com/my-group/my-project/-/jobs/302"),
    (22, "public"),
    (23, "test-environment2"),
    (
        24,
        "project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
    ),
];

#[test]
fn gitlab_pipelines() {
    let url = "https://gitlab.com";
    let san = uri("https://gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main");
    expect(&principal(url, &gitlab()).unwrap(), &san, &GITLAB);

    let tag = with(&gitlab(), "ref_type", json!("tag"));
    let found = principal(url, &tag).unwrap();
    let (_, value) = &found.extensions[7];
    assert_eq!(&value[2..], b"refs/tags/feature-branch-1");
    assert_eq!(
        refused(url, &with(&gitlab(), "ref_type", Value::Null)),
        missing("ref_type")
    );

    // A branch whose name has no place in a URI as it is.
    let odd = "gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/über mich";
    let odd = with(&gitlab(), "ci_config_ref_uri", json!(odd));
    let encoded =
        "https://gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/%C3%BCber%20mich";
    assert_eq!(principal(url, &odd).unwrap().san, uri(encoded));

    let url = "https://old-gitlab.example.com";
    let found = principal(url, &gitlab()).unwrap();
    let expected = GITLAB.into_iter().filter(|(n, _)| *n != 23);
    let expected = expected.map(|(n, text)| {
        if n == 1 || n == 8 {
            (n, url)
        } else {
            (n, text)
        }
    });
    expect(&found, &san, &expected.collect::<Vec<_>>());
    let elsewhere = with(&gitlab(), "ci_config_sha", Value::Null);
    assert_eq!(principal(url, &elsewhere).unwrap().extensions.len(), 15);
    let other = with(&gitlab(), "ref_type", json!("merge_request"));
    assert_eq!(refused(url, &other), not("ref_type", "branch or tag"));
}

#[test]
fn buildkite_jobs() {
    let claims = json!({
        "sub": "organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:build",
        "organization_slug": "acme-inc",
        "pipeline_slug": "super-duper-app",
        "build_number": 1,
        "build_branch": "main",
        "build_commit": "9f3182061f1e2cca4702c368cbc039b7dc9d4485",
        "build_source": "webhook",
        "runner_environment": "self-hosted",
        "step_key": "build",
        "job_id": "0184990a-477b-4fa8-9968-496074483cee",
    });
    let url = "https://agent.buildkite.com";
    let subject = claims["sub"].as_str().unwrap();
    let found = principal(url, &claims).unwrap();
    expect(
        &found,
        &uri("https://buildkite.com/acme-inc/super-duper-app"),
        &[
            (1, url),
            (8, url),
            (11, "self-hosted"),
            (13, "9f3182061f1e2cca4702c368cbc039b7dc9d4485"),
            (20, "webhook"),
            (
                21,
                "https://buildkite.com/acme-inc/super-duper-app/builds/1#0184990a-477b-4fa8-9968-496074483cee",
            ),
            (24, subject),
        ],
    );
    let url = "https://old-buildkite.example.com";
    expect(
        &principal(url, &claims).unwrap(),
        &uri("https://buildkite.com/acme-inc/super-duper-app"),
        &[(1, url), (8, url), (24, subject)],
    );
    let without = with(&claims, "pipeline_slug", Value::Null);
    assert_eq!(refused(url, &without), missing("pipeline_slug"));
}

fn circleci() -> Value {
    json!({
        "sub": "org/123/project/456/user/789/vcs-origin/github.com/o/r/vcs-ref/refs/heads/main",
        "oidc.circleci.com/project-id": "c2ffcc63-5d4a-4a08-8cf7-2f0ba4d8a1a9",
        "oidc.circleci.com/pipeline-id": "3f7d4a2c-9a4d-45e8-8c5b-1d2e3f4a5b6c",
        "oidc.circleci.com/pipeline-definition-id": "54f0cd7b-1b0a-5a4d-9c1e-2f6a7b8c9d0e",
        "oidc.circleci.com/workflow-id": "7b4bd7d1-32f4-4b84-9f1e-6f5c3c2b1a09",
        "oidc.circleci.com/job-id": "d1a9b6f0-0e5c-4f33-8b2c-9a8f7e6d5c4b",
        "oidc.circleci.com/ssh-rerun": false,
        "oidc.circleci.com/vcs-ref": "refs/heads/main",
        "oidc.circleci.com/vcs-origin": "github.com/o/r",
    })
}

#[test]
fn circleci_jobs() {
    let url = "https://oidc.circleci.com/org/3ed3ae9e-5e1c-4a3c-8d0f-8f1f4f1d2c3b";
    let definition = "https://circleci.com/api/v2/projects/c2ffcc63-5d4a-4a08-8cf7-2f0ba4d8a1a9/pipeline-definitions/54f0cd7b-1b0a-5a4d-9c1e-2f6a7b8c9d0e";
    let run = "https://app.circleci.com//workflow/7b4bd7d1-32f4-4b84-9f1e-6f5c3c2b1a09/job/d1a9b6f0-0e5c-4f33-8b2c-9a8f7e6d5c4b";
    let mut expected = vec![
        (1, url),
        (8, url),
        (9, definition),
        (11, "\"\""),
        (12, "github.com/o/r"),
        (14, "refs/heads/main"),
        (
            18,
            "https://circleci.com/api/v2/pipeline/3f7d4a2c-9a4d-45e8-8c5b-1d2e3f4a5b6c/config",
        ),
        (21, run),
        (
            24,
            "org/123/project/456/user/789/vcs-origin/github.com/o/r/vcs-ref/refs/heads/main",
        ),
    ];
    expect(
        &principal(url, &circleci()).unwrap(),
        &uri(definition),
        &expected,
    );

    let rerun = with(&circleci(), "oidc.circleci.com/ssh-rerun", json!(true));
    expected[3].1 = "ssh-rerun";
    expect(
        &principal(url, &rerun).unwrap(),
        &uri(definition),
        &expected,
    );

    // What `index` does not find is empty, and so is the extension, but a name is not made of nothing.
    let no_origin = with(&rerun, "oidc.circleci.com/vcs-origin", Value::Null);
    expected.remove(4);
    expect(
        &principal(url, &no_origin).unwrap(),
        &uri(definition),
        &expected,
    );
    let project = "oidc.circleci.com/project-id";
    assert_eq!(
        refused(url, &with(&circleci(), project, Value::Null)),
        missing(project)
    );
}

#[test]
fn codefresh_workflows() {
    let claims = json!({
        "sub": "account:628a80b693a15c0f9c13ab75:pipeline:65e5a53e52853dc51a5b0cc1:initiator:codefresh-user",
        "account_id": "628a80b693a15c0f9c13ab75",
        "account_name": "codefresh-account",
        "pipeline_id": "65e5a53e52853dc51a5b0cc1",
        "pipeline_name": "oidc-test/get-token",
        "workflow_id": "64f447c02199f903000gh20",
        "initiator": "codefresh-user",
        "scm_user_name": "codefresh-user",
        "scm_repo_url": "https://github.com/codefresh-user/oidc-test",
        "scm_ref": "main",
        "runner_environment": "cloud",
    });
    let san = uri(
        "https://g.codefresh.io/codefresh-account/oidc-test/get-token:628a80b693a15c0f9c13ab75/65e5a53e52853dc51a5b0cc1",
    );
    for url in [
        "https://oidc.codefresh.io",
        "https://old-codefresh.example.com",
    ] {
        expect(
            &principal(url, &claims).unwrap(),
            &san,
            &[
                (1, url),
                (8, url),
                (9, "https://g.codefresh.io/build/64f447c02199f903000gh20"),
                (11, "cloud"),
                (12, "https://github.com/codefresh-user/oidc-test"),
                (14, "main"),
                (
                    18,
                    "https://g.codefresh.io/api/pipelines/65e5a53e52853dc51a5b0cc1",
                ),
                (21, "https://g.codefresh.io/build/64f447c02199f903000gh20"),
                (24, claims["sub"].as_str().unwrap()),
            ],
        );
        let own = with(&claims, "platform_url", json!("https://own.example"));
        let own = principal(url, &own).unwrap().san;
        assert!(
            own.as_str()
                .starts_with("https://own.example/codefresh-account/")
        );
        let without = with(&claims, "workflow_id", Value::Null);
        assert_eq!(refused(url, &without), missing("workflow_id"));
    }
}

#[test]
fn buddy_pipelines() {
    let url = "https://eu-oidc.buddyusercontent.com";
    let claims = json!({
        "sub": "workspace:acme:project:shop:pipeline:42",
        "base_url": "https://eu.buddy.works",
        "workspace_domain": "acme",
        "project_name": "shop",
        "pipeline_id": 42,
        "execution_id": 1001,
        "triggered_on": "PUSH",
        "runner_environment": "platform-hosted",
        "revision": "9f3182061f1e2cca4702c368cbc039b7dc9d4485",
    });
    let pipeline = "https://eu.buddy.works/acme/shop/pipelines/pipeline/42";
    expect(
        &principal(url, &claims).unwrap(),
        &uri(pipeline),
        &[
            (1, url),
            (8, url),
            (9, pipeline),
            (11, "platform-hosted"),
            (12, "https://eu.buddy.works/acme/shop"),
            (13, "9f3182061f1e2cca4702c368cbc039b7dc9d4485"),
            (16, "https://eu.buddy.works/acme"),
            (20, "PUSH"),
            (
                21,
                "https://eu.buddy.works/acme/shop/pipelines/pipeline/42/execution/1001",
            ),
            (24, "workspace:acme:project:shop:pipeline:42"),
        ],
    );
    for number in [
        json!(1e3),
        json!(42.5),
        json!(-7),
        json!(9_007_199_254_740_993_u64),
    ] {
        let claims = with(&claims, "pipeline_id", number.clone());
        let shown = principal(url, &claims).unwrap().san;
        let shown = shown.as_str().rsplit('/').next().unwrap().to_owned();
        let expected = if number == json!(1e3) {
            "1000".to_owned()
        } else {
            number.to_string()
        };
        assert_eq!(shown, expected);
    }
}

#[test]
fn people_by_their_address() {
    let url = "https://accounts.example.com";
    let claims = json!({ "sub": "110169484474386276334", "email": "ada@example.org", "email_verified": true });
    let found = principal(url, &claims).unwrap();
    expect(
        &found,
        &San::Email("ada@example.org".to_owned()),
        &[(1, url), (8, url), (24, "110169484474386276334")],
    );
    assert_eq!(
        (found.challenge.as_str(), found.challenge_claim.as_str()),
        ("ada@example.org", "email")
    );
    assert_eq!(found.issuer, url);
    for (claim, value, message) in [
        ("email", Value::Null, missing("email")),
        ("email", json!(""), missing("email")),
        ("email", json!(["ada@example.org"]), not("email", "a text")),
        ("email", json!("ada"), not("email", "an e-mail address")),
        (
            "email",
            json!(" ada@example.org"),
            not("email", "an e-mail address"),
        ),
        (
            "email",
            json!("ada@example.org\0@evil.example"),
            not("email", "free of control characters"),
        ),
        (
            "email",
            json!("adа@example.org"),
            not("email", "an e-mail address"),
        ), // a Cyrillic letter
        ("email_verified", Value::Null, not("email_verified", "true")),
        (
            "email_verified",
            json!(false),
            not("email_verified", "true"),
        ),
        (
            "email_verified",
            json!("true"),
            not("email_verified", "true"),
        ),
        ("email_verified", json!(1), not("email_verified", "true")),
        ("sub", Value::Null, missing("sub")),
    ] {
        assert_eq!(
            refused(url, &with(&claims, claim, value.clone())),
            message,
            "{claim} {value}"
        );
    }
    let unverified = with(&claims, "email_verified", Value::Null);
    assert!(principal("https://directory.example.com", &unverified).is_ok());
}

#[test]
fn people_by_way_of_another_issuer() {
    let url = "https://dex.example.com/auth";
    let behind = "https://github.com/login/oauth";
    let claims = json!({
        "sub": "CgYxMjM0NTYSBmdpdGh1Yg", "email": "ada@example.org", "email_verified": true,
        "federated_claims": { "connector_id": behind, "user_id": "123456" },
    });
    let found = principal(url, &claims).unwrap();
    assert_eq!(found.issuer, behind);
    expect(
        &found,
        &San::Email("ada@example.org".to_owned()),
        &[(1, behind), (8, behind), (24, "CgYxMjM0NTYSBmdpdGh1Yg")],
    );
    let path = "federated_claims.connector_id";
    for (value, message) in [
        (Value::Null, missing(path)),
        (json!({}), missing(path)),
        (json!("x"), missing(path)),
        (json!({ "connector_id": "" }), missing(path)),
        (json!({ "connector_id": 7 }), not(path, "a text")),
    ] {
        assert_eq!(
            refused(url, &with(&claims, "federated_claims", value)),
            message
        );
    }
}

#[test]
fn users_of_a_domain() {
    let url = "https://users.example.com";
    let found = principal(url, &json!({ "sub": "ada" })).unwrap();
    let san = San::OtherName {
        oid: fulcio::USERNAME,
        value: "ada!example.com".to_owned(),
    };
    expect(&found, &san, &[(1, url), (8, url), (24, "ada")]);
    assert_eq!(found.challenge, "ada");
    for (name, message) in [
        ("ada!evil.example", not("sub", "free of `!`")),
        ("!", not("sub", "free of `!`")),
        (
            "ada@example.com",
            not("sub", "a user name: it is an e-mail address"),
        ),
        ("ada\u{7}", not("sub", "free of control characters")),
        ("", missing("sub")),
    ] {
        assert_eq!(refused(url, &json!({ "sub": name })), message);
    }
    assert_eq!(refused(url, &json!({ "sub": 7 })), not("sub", "a text"));
}

#[test]
fn subjects_under_a_uri() {
    let url = "https://services.example.com";
    let fine = "https://people.example.com/ada?x=1#y";
    let found = principal(url, &json!({ "sub": fine })).unwrap();
    expect(&found, &uri(fine), &[(1, url), (8, url), (24, fine)]);
    assert!(principal(url, &json!({ "sub": "https://people.example.com" })).is_ok());
    for other in [
        "https://people.example.com.evil.example/ada",
        "https://people.example.comevil/ada",
        "https://people.example.com@evil.example/",
        "https://people.example.com:443/ada",
        "https://people.example.com\\@evil.example/",
        "https://people.example.com.",
        "https://People.example.com/ada",
        "https://ada@people.example.com/",
        "http://people.example.com/ada",
        "https://example.com/ada",
        "https:people.example.com/ada",
        " https://people.example.com/ada",
        "ada",
    ] {
        assert_eq!(
            refused(url, &json!({ "sub": other })),
            not("sub", "a URI under https://people.example.com"),
            "{other}"
        );
    }
    for other in [
        "https://people.example.com/a b",
        "https://people.example.com/\\",
        "https://people.example.com/ä",
    ] {
        assert_eq!(
            refused(url, &json!({ "sub": other })),
            not("sub", "a URI of RFC 3986"),
            "{other}"
        );
    }
}

#[test]
fn workloads_of_a_trust_domain() {
    let url = "https://spire.example.com";
    for id in [
        "spiffe://prod.example.com/ns/shop/sa/Web_1.2-x",
        "spiffe://prod.example.com",
    ] {
        let found = principal(url, &json!({ "sub": id })).unwrap();
        expect(&found, &uri(id), &[(1, url), (8, url), (24, id)]);
    }
    for id in [
        "spiffe://example.com/web",
        "spiffe://prod.example.com.evil.example/web",
        "spiffe://Prod.example.com/web",
        "spiffe://prod.example.com:443/web",
        "spiffe://x@prod.example.com/web",
        "spiffe://prod.example.com?/web",
        "spiffe:///web",
    ] {
        assert_eq!(
            refused(url, &json!({ "sub": id })),
            not("sub", "a SPIFFE ID of the trust domain prod.example.com"),
            "{id}"
        );
    }
    for id in [
        "SPIFFE://prod.example.com/web",
        "https://prod.example.com/web",
        "spiffe://prod.example.com/",
        "spiffe://prod.example.com/a//b",
        "spiffe://prod.example.com/../x",
        "spiffe://prod.example.com/a/.",
        "spiffe://prod.example.com/%61",
        "spiffe://prod.example.com/a?b",
    ] {
        assert_eq!(
            refused(url, &json!({ "sub": id })),
            not("sub", "a SPIFFE ID"),
            "{id}"
        );
    }
}

#[test]
fn service_accounts() {
    let claims = json!({
        "sub": "system:serviceaccount:shop:web",
        "kubernetes.io": {
            "namespace": "shop",
            "pod": { "name": "web-5d9", "uid": "49ad3572-b3dd-43a6-8d77-5858d3660275" },
            "serviceaccount": { "name": "web", "uid": "f5720c1d-e152-4356-a897-11b07aff165d" },
        },
    });
    let san = uri("https://kubernetes.io/namespaces/shop/serviceaccounts/web");
    let eks = "https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6A2D30341AD01E1B6D48164CB";
    for url in ["https://kubernetes.example.com", eks] {
        let found = principal(url, &claims).unwrap();
        expect(
            &found,
            &san,
            &[(1, url), (8, url), (24, "system:serviceaccount:shop:web")],
        );
    }
    for (value, message) in [
        (Value::Null, missing("kubernetes.io")),
        (json!("shop"), not("kubernetes.io", "an object")),
        (json!({}), missing("kubernetes.io.namespace")),
        (
            json!({ "namespace": 7 }),
            not("kubernetes.io.namespace", "a text"),
        ),
        (
            json!({ "namespace": "shop" }),
            missing("kubernetes.io.serviceaccount.name"),
        ),
        (
            json!({ "namespace": "a/serviceaccounts/b" }),
            not("kubernetes.io.namespace", "a name of Kubernetes"),
        ),
        (
            json!({ "namespace": "..", "serviceaccount": { "name": "web" } }),
            not("kubernetes.io.namespace", "a name of Kubernetes"),
        ),
        (
            json!({ "namespace": "shop", "serviceaccount": { "name": "Web" } }),
            not("kubernetes.io.serviceaccount.name", "a name of Kubernetes"),
        ),
    ] {
        assert_eq!(
            refused(eks, &with(&claims, "kubernetes.io", value)),
            message
        );
    }
}

#[test]
fn chainguard_identities() {
    let url = "https://identity.example.com";
    let found = principal(url, &json!({ "sub": "3b1f0c/9a2e" })).unwrap();
    expect(
        &found,
        &uri("https://identity.example.com/3b1f0c/9a2e"),
        &[(1, url), (8, url), (24, "3b1f0c/9a2e")],
    );
    assert_eq!(found.challenge_claim, "sub");
    let claims = json!({ "sub": "3b1f0c", "email": "ada@example.org" });
    let found = principal(url, &claims).unwrap();
    assert_eq!(
        (found.challenge.as_str(), found.challenge_claim.as_str()),
        ("ada@example.org", "email")
    );
    for subject in [
        "../x", "a/../b", "a//b", "/a", "a/", "a?b", "a#b", "a b", "%2e%2e",
    ] {
        assert_eq!(
            refused(url, &json!({ "sub": subject })),
            not("sub", "a path of a URI"),
            "{subject}"
        );
    }
}
