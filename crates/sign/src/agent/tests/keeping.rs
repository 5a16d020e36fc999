//! Logins: how long they last, what renews them, and how many certificates that takes.

use tokio::time::timeout;

use super::*;
use crate::agent::protocol::LogoutRequest;
use crate::testing::instance::Lie;

#[tokio::test]
async fn many_signatures_take_one_certificate() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    for _ in 0..2 {
        let signing: Vec<_> = (0..20)
            .map(|_| {
                let keeper = Arc::clone(&world.keeper);
                tokio::spawn(async move { sign_with(&keeper, &request()).await })
            })
            .collect();
        for one in signing {
            assert!(matches!(one.await.unwrap(), Ok(Answer::Bundle(_))));
        }
    }
    assert_eq!(world.issued(), 1);
    let kept = &world.keeper.status().logins[0];
    assert_eq!((kept.signatures, kept.certificates), (40, 1));
}

#[tokio::test]
async fn certificates_are_renewed_once_for_all_who_wait() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    for hour in 1..=3 {
        world.pass(3600);
        let signing: Vec<_> = (0..10)
            .map(|_| {
                let keeper = Arc::clone(&world.keeper);
                tokio::spawn(async move { sign_with(&keeper, &request()).await })
            })
            .collect();
        for one in signing {
            one.await.unwrap().unwrap();
        }
        assert_eq!(world.issued(), 1 + hour);
    }
    let came = world.issuer.came.lock().unwrap().clone();
    assert_eq!(
        came,
        ["refresh-secret", "refresh-secret+", "refresh-secret++"]
    );
}

#[tokio::test]
async fn a_token_that_is_still_good_is_used_again() {
    let world = World::start().await;
    world.log_in(ADA, false).await;
    // The session is not trusted any more, and begins anew.
    world.running.tell(Lie::LogHoldsAnotherSignature);
    for issued in 1..3 {
        assert!(world.sign().await.is_err());
        assert_eq!(world.issued(), issued);
    }
    assert!(world.issuer.came.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_a_refresh_token_the_login_ends_with_its_certificate() {
    let world = World::start().await;
    world.log_in(ADA, false).await;
    let kept = world.keeper.status().logins.remove(0);
    assert!(!kept.renews);
    // The certificate outlasts the token, and the last minute of it is for what was begun before.
    assert_eq!(kept.signs_until, kept.certificate_until.plus_seconds(-60));
    // The token has expired, the certificate has not.
    world.pass(TOKEN_LIFE.unsigned_abs() + 1);
    world.sign().await.unwrap();
    world.pass(600);
    let ended = "its token was good until 2027-01-15T08:05:00Z";
    assert_eq!(world.sign().await.unwrap_err(), login_needed(Some(ended)));
    assert_eq!(world.sign().await.unwrap_err(), login_needed(None));
    assert!(world.keeper.status().logins.is_empty());
    let line = format!("the login of {ADA} on work ended: {ended}");
    assert_eq!(world.lines.all(), [line]);
}

#[tokio::test]
async fn a_login_that_was_ended_at_the_issuer_is_over() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    *world.issuer.good.lock().unwrap() = None;
    world.sign().await.unwrap();
    world.pass(3600);
    let ended = "the issuer refuses: invalid_grant (ended)";
    assert_eq!(world.sign().await.unwrap_err(), login_needed(Some(ended)));
    assert!(world.keeper.status().logins.is_empty());
    assert_eq!(world.issued(), 1);
}

#[tokio::test]
async fn a_login_does_not_become_another_person() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    *world.issuer.email.lock().unwrap() = BOB.to_owned();
    world.pass(3600);
    let ended = "the issuer's new ID token is somebody else's";
    assert_eq!(world.sign().await.unwrap_err(), login_needed(Some(ended)));
}

#[tokio::test]
async fn a_login_that_is_not_used_ends_and_its_token_is_given_back() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    world.pass(2 * 3600 - 1);
    world.sign().await.unwrap();
    world.pass(2 * 3600 - 1);
    world.keeper.expire().await;
    assert_eq!(world.keeper.status().logins.len(), 1);
    world.pass(1);
    // Over, even before it is swept out.
    assert_eq!(world.sign().await.unwrap_err(), login_needed(None));
    world.keeper.expire().await;
    assert!(world.keeper.status().logins.is_empty());
    let revoked = world.issuer.revoked.lock().unwrap().clone();
    assert_eq!(revoked, ["refresh-secret+"]);
    world.keeper.touch();
    assert!(!world.keeper.is_useless());
    world.pass(2 * 3600);
    assert!(world.keeper.is_useless());
}

#[tokio::test]
async fn a_login_that_nobody_waits_for_ends_all_the_same() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    // The request that logs out takes too long, and is dropped.
    let everybody = LogoutRequest::default();
    let logout = world.keeper.logout(&everybody);
    assert!(timeout(Duration::ZERO, logout).await.is_err());
    assert!(world.keeper.status().logins.is_empty());
    while world.issuer.revoked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_login_ends_with_the_day_however_busy_it_is() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    for _ in 0..9 {
        world.pass(3600);
        world.sign().await.unwrap();
    }
    let kept = world.keeper.status().logins[0].clone();
    assert_eq!(kept.idle_until, kept.until);
    world.pass(3600);
    assert_eq!(world.sign().await.unwrap_err(), login_needed(None));
}

#[tokio::test]
async fn outages_end_no_login() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    world.pass(3600);
    world.running.tell(Lie::CaFails);
    for _ in 0..2 {
        let refused = world.sign().await.unwrap_err();
        let Refusal::Service { transient, message } = refused else {
            panic!("{refused:?}");
        };
        assert!(transient, "{message}");
        assert!(!message.contains("eyJ"), "{message}");
    }
    assert_eq!(world.keeper.status().logins.len(), 1);
    // The token that was got meanwhile is still good: the issuer was asked once.
    assert_eq!(world.issuer.came.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn who_signs_is_never_guessed() {
    let world = World::start().await;
    assert_eq!(world.sign().await.unwrap_err(), login_needed(None));
    world.log_in(ADA, false).await;
    world.log_in(BOB, false).await;
    let signs = async |change: &dyn Fn(&mut SignRequest)| {
        let mut request = request();
        change(&mut request);
        world.sign_as(&request).await.map(drop)
    };
    let ambiguous = Refusal::IdentityAmbiguous {
        instance: "work".into(),
        found: vec![ADA.into(), BOB.into()],
    };
    assert_eq!(signs(&|_| {}).await, Err(ambiguous.clone()));
    let prefer = |name: &str| Some(name.to_owned());
    assert_eq!(signs(&|r| r.prefer = prefer(BOB)).await, Ok(()));
    assert_eq!(signs(&|r| r.prefer = prefer("eve@x")).await, Err(ambiguous));
    assert_eq!(signs(&|r| r.identity = prefer(ADA)).await, Ok(()));
    let not_here = |wanted: &str| {
        Err(Refusal::IdentityNotHere {
            instance: "work".into(),
            wanted: wanted.into(),
            found: vec![ADA.into(), BOB.into()],
        })
    };
    assert_eq!(
        signs(&|r| r.identity = prefer("eve@x")).await,
        not_here("eve@x")
    );
    let elsewhere = "https://other.example";
    assert_eq!(
        signs(&|r| r.issuer = prefer(elsewhere)).await,
        not_here(elsewhere)
    );
    // A login for one instance is none for another, and unknown ones are not asked.
    let home = Refusal::LoginNeeded {
        instance: "home".into(),
        because: None,
    };
    assert_eq!(signs(&|r| r.instance = prefer("home")).await, Err(home));
    let unknown = Refusal::Instance {
        message: "there is no instance https://evil.example".into(),
    };
    let evil = "https://evil.example";
    assert_eq!(signs(&|r| r.instance = prefer(evil)).await, Err(unknown));
    let malformed = signs(&|r| r.sha256 = "00".into()).await.unwrap_err();
    assert!(matches!(malformed, Refusal::Unreadable { .. }));
}

#[tokio::test]
async fn logging_out_forgets_and_gives_back() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    world.log_in(BOB, false).await;
    let logout = async |instance: Option<&str>, identity: Option<&str>| {
        let request = LogoutRequest {
            instance: instance.map(str::to_owned),
            identity: identity.map(str::to_owned),
        };
        world.keeper.logout(&request).await
    };
    assert_eq!(logout(Some("home"), None).await, Ok(0));
    assert_eq!(logout(None, Some(ADA)).await, Ok(1));
    let revoked = world.issuer.revoked.lock().unwrap().clone();
    assert_eq!(revoked, ["refresh-secret"]);
    assert_eq!(logout(None, None).await, Ok(1));
    assert_eq!(world.sign().await.unwrap_err(), login_needed(None));
}

#[tokio::test]
async fn a_new_login_takes_the_place_of_the_old_and_there_are_not_many() {
    let world = World::start().await;
    world.log_in(ADA, true).await;
    world.log_in(ADA, false).await;
    assert_eq!(world.keeper.status().logins.len(), 1);
    for number in 1..16 {
        world.log_in(&format!("{number}@example.org"), false).await;
    }
    let one_more = world.keeper.login(world.login_of(BOB, false)).await;
    assert_eq!(one_more, Err(Refusal::TooManyLogins { limit: 16 }));
}

#[tokio::test]
async fn secrets_are_in_no_text() {
    let world = World::start().await;
    let request = world.login_of(ADA, true);
    let token = request.token.as_str().to_owned();
    assert_eq!(
        format!("{request:?}"),
        "LoginRequest { instance: None, .. }"
    );
    world.running.tell(Lie::CaRefuses);
    let refused = world.keeper.login(request).await.unwrap_err();
    let text = format!("{refused} {refused:?}");
    assert!(text.contains("(token)"), "{text}");
    assert!(!text.contains(&token), "{text}");
    let mangled = LoginRequest {
        instance: None,
        token: Zeroizing::new("very-secret".to_owned()),
        refresh_token: None,
    };
    let refused = world.keeper.login(mangled).await.unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("very-secret"));
}
