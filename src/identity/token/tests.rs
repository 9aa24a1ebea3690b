use std::sync::atomic::{AtomicUsize, Ordering};

use azure_core::{
    credentials::{AccessToken, Secret, TokenRequestOptions},
    time::OffsetDateTime,
};

use super::*;

/// Gives `token-1`, `token-2`, ... with a fixed life time, or fails.
#[derive(Debug)]
struct Counting {
    begun: AtomicUsize,
    asked: AtomicUsize,
    takes: Duration,
    lives_for: Duration,
    fails_from: usize,
}

impl Counting {
    fn living_for(seconds: u64) -> Self {
        Self {
            begun: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            takes: Duration::from_millis(10),
            lives_for: Duration::from_secs(seconds),
            fails_from: usize::MAX,
        }
    }
}

#[async_trait]
impl TokenCredential for Counting {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fails_from <= number {
            return Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Credential,
                "no token today",
            ));
        }
        Ok(AccessToken::new(
            Secret::new(format!("token-{number}")),
            OffsetDateTime::now_utc() + self.lives_for,
        ))
    }
}

fn tokens(credential: Counting) -> (Arc<Counting>, CachedTokens, TaskTracker) {
    let credential = Arc::new(credential);
    let tasks = TaskTracker::new();
    let source = CachedTokens::new(
        Arc::clone(&credential) as _,
        "scope".to_owned(),
        tasks.clone(),
    );
    (credential, source, tasks)
}

#[tokio::test]
async fn many_first_requests_ask_once() {
    let (credential, source, _) = tokens(Counting::living_for(3600));
    let all = futures_util::future::join_all((0..50).map(|_| source.authorization())).await;
    for authorization in all {
        assert_eq!(authorization.unwrap(), "Bearer token-1");
    }
    assert_eq!(credential.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn from_half_of_its_life_on_the_old_token_serves_while_a_new_one_is_fetched() {
    let (credential, source, tasks) = tokens(Counting::living_for(200));
    assert_eq!(source.authorization().await.unwrap(), "Bearer token-1");
    tokio::time::advance(Duration::from_secs(99)).await;
    assert_eq!(source.authorization().await.unwrap(), "Bearer token-1");
    assert_eq!(credential.asked.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    let all = futures_util::future::join_all((0..50).map(|_| source.authorization())).await;
    for authorization in all {
        assert_eq!(authorization.unwrap(), "Bearer token-1");
    }
    tasks.close();
    tasks.wait().await;
    assert_eq!(credential.asked.load(Ordering::SeqCst), 2);
    assert_eq!(source.authorization().await.unwrap(), "Bearer token-2");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_used_at_the_end_of_its_life_however_short_that_is() {
    let (credential, source, _) = tokens(Counting::living_for(4));
    for asked in 1..4 {
        source.authorization().await.unwrap();
        assert_eq!(credential.asked.load(Ordering::SeqCst), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_leaves_the_old_token_in_use_until_it_expires() {
    let (credential, source, tasks) = tokens(Counting {
        fails_from: 2,
        ..Counting::living_for(200)
    });
    assert_eq!(source.authorization().await.unwrap(), "Bearer token-1");
    for asked in 2..6 {
        let pause = if asked == 2 { 101 } else { 11 };
        tokio::time::advance(Duration::from_secs(pause)).await;
        for _ in 0..3 {
            assert_eq!(source.authorization().await.unwrap(), "Bearer token-1");
            tasks.close();
            tasks.wait().await;
        }
        assert_eq!(
            credential.asked.load(Ordering::SeqCst),
            asked,
            "once, then a pause"
        );
    }
    tokio::time::advance(Duration::from_secs(100)).await;
    let failure = source.authorization().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::CredentialRejected);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_hangs_is_given_up_once_for_all_who_wait() {
    let (credential, source, _) = tokens(Counting {
        takes: Duration::from_secs(3600),
        ..Counting::living_for(3600)
    });
    let began = Instant::now();
    let all = futures_util::future::join_all((0..50).map(|_| source.authorization())).await;
    for authorization in all {
        let detail = authorization.unwrap_err().detail.unwrap();
        assert_eq!(detail, "no token within the limit");
    }
    assert!(began.elapsed() < SIGN_IN_TIMEOUT + Duration::from_secs(1));
    assert_eq!(credential.begun.load(Ordering::SeqCst), 1);
    // Whoever comes later tries anew.
    assert!(source.authorization().await.is_err());
    assert_eq!(credential.begun.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_for_all_whom_it_was_refused() {
    let (credential, source, _) = tokens(Counting::living_for(3600));
    let used = source.authorization().await.unwrap();
    let all = futures_util::future::join_all((0..50).map(|_| source.refused(&used))).await;
    for replacement in all {
        assert_eq!(replacement.unwrap(), "Bearer token-2");
    }
    assert_eq!(credential.asked.load(Ordering::SeqCst), 2);
    assert_eq!(source.authorization().await.unwrap(), "Bearer token-2");
    // Who comes late with the old one gets the new one, and nothing is asked.
    assert_eq!(source.refused(&used).await.unwrap(), "Bearer token-2");
    assert_eq!(credential.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_always_refused_are_not_replaced_all_the_time() {
    let (credential, source, _) = tokens(Counting::living_for(3600));
    let used = source.authorization().await.unwrap();
    let used = source.refused(&used).await.unwrap();
    for _ in 0..10 {
        assert_eq!(source.refused(&used).await, None);
    }
    assert_eq!(credential.asked.load(Ordering::SeqCst), 2);
    tokio::time::advance(PAUSE).await;
    assert_eq!(source.refused(&used).await.unwrap(), "Bearer token-3");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_without_a_replacement_stays() {
    let (credential, source, _) = tokens(Counting {
        fails_from: 2,
        ..Counting::living_for(3600)
    });
    let used = source.authorization().await.unwrap();
    let all = futures_util::future::join_all((0..50).map(|_| source.refused(&used))).await;
    assert!(all.iter().all(Option::is_none));
    assert_eq!(credential.asked.load(Ordering::SeqCst), 2);
    assert_eq!(source.authorization().await.unwrap(), "Bearer token-1");
}

#[tokio::test]
async fn a_static_token_has_no_replacement() {
    let source = StaticToken::new(&"given".to_owned().into()).unwrap();
    let used = source.authorization().await.unwrap();
    assert_eq!(source.refused(&used).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_goes_on_when_the_request_that_began_it_gives_up() {
    let (credential, source, tasks) = tokens(Counting::living_for(3600));
    let impatient = tokio::time::timeout(Duration::from_millis(1), source.authorization()).await;
    assert!(impatient.is_err());
    tasks.close();
    tasks.wait().await;
    assert_eq!(source.authorization().await.unwrap(), "Bearer token-1");
    assert_eq!(credential.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_any_token_the_request_fails_and_says_why() {
    let (_, source, _) = tokens(Counting {
        fails_from: 1,
        ..Counting::living_for(200)
    });
    let failure = source.authorization().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::CredentialRejected);
    assert!(failure.detail.unwrap().contains("no token today"));
}

#[test]
fn tokens_are_not_shown_by_debug() {
    let token = StaticToken::new(&"hunter2".to_owned().into()).unwrap();
    assert!(!format!("{token:?}").contains("hunter2"));
}
