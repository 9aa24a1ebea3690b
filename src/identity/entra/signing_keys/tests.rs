use std::sync::{
    Mutex as StdMutex,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use super::*;
use crate::config::Environment;

/// Publishes the keys that a test says, or nothing.
#[derive(Debug, Default)]
struct Tenant {
    asked: AtomicUsize,
    publishes: StdMutex<Option<Vec<&'static str>>>,
    hangs: bool,
}

#[async_trait]
impl KeyEndpoint for Tenant {
    async fn fetch(&self) -> Result<Vec<u8>, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        let names = self
            .publishes
            .lock()
            .unwrap()
            .clone()
            .ok_or("out of order")?;
        let key = |kid: &&str| json!({"kty": "RSA", "kid": kid, "n": "3I2c", "e": "AQAB"});
        let keys: Vec<_> = names.iter().map(key).collect();
        Ok(json!({"keys": keys}).to_string().into_bytes())
    }
}

impl Tenant {
    fn publishing(names: &[&'static str]) -> Self {
        Self {
            publishes: StdMutex::new(Some(names.to_vec())),
            ..Self::default()
        }
    }

    fn now_publishes(&self, names: Option<&[&'static str]>) {
        *self.publishes.lock().unwrap() = names.map(<[_]>::to_vec);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

struct Scene {
    tenant: Arc<Tenant>,
    keys: SigningKeys,
    tasks: TaskTracker,
}

impl Scene {
    fn of(tenant: Tenant) -> Self {
        let environment = Environment::from_iter([
            (
                "GATEWAY_ENTRA_TENANT_ID",
                "00000000-0000-0000-0000-00000000000a",
            ),
            ("GATEWAY_ENTRA_AUDIENCE", "api://gateway"),
        ]);
        let config = EntraConfig::from_environment(&environment, None)
            .unwrap()
            .unwrap();
        let (tenant, tasks) = (Arc::new(tenant), TaskTracker::new());
        Self {
            keys: SigningKeys::new(&config, Arc::clone(&tenant) as _, tasks.clone()),
            tenant,
            tasks,
        }
    }

    async fn find(&self, id: &str) -> Result<(), NoKey> {
        self.keys.find(id).await.map(drop)
    }

    async fn background_work(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

#[tokio::test(start_paused = true)]
async fn many_first_callers_fetch_once_and_later_ones_not_at_all() {
    let scene = Scene::of(Tenant::publishing(&["a"]));
    let found = futures_util::future::join_all((0..30).map(|_| scene.find("a"))).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(scene.find("a").await, Ok(()));
    assert_eq!(scene.tenant.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_looked_for_once_a_minute() {
    let scene = Scene::of(Tenant::publishing(&["a"]));
    assert_eq!(scene.find("a").await, Ok(()));
    for _ in 0..50 {
        assert_eq!(scene.find("made-up").await, Err(NoKey::Unknown));
    }
    assert_eq!(scene.tenant.asked(), 1);
    tokio::time::advance(PAUSE).await;
    let found = futures_util::future::join_all((0..50).map(|_| scene.find("made-up"))).await;
    assert!(found.iter().all(|found| *found == Err(NoKey::Unknown)));
    assert_eq!(scene.tenant.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_and_a_withdrawn_one_is_forgotten() {
    let scene = Scene::of(Tenant::publishing(&["old"]));
    assert_eq!(scene.find("old").await, Ok(()));
    scene.tenant.now_publishes(Some(&["new"]));
    tokio::time::advance(PAUSE).await;
    assert_eq!(scene.find("new").await, Ok(()));
    assert_eq!(scene.find("old").await, Err(NoKey::Unknown));
}

#[tokio::test(start_paused = true)]
async fn stale_keys_serve_while_new_ones_are_fetched_behind_them() {
    let scene = Scene::of(Tenant::publishing(&["a"]));
    assert_eq!(scene.find("a").await, Ok(()));
    tokio::time::advance(FRESH_FOR).await;
    let before = Instant::now();
    assert_eq!(scene.find("a").await, Ok(()));
    assert_eq!(before.elapsed(), Duration::ZERO, "nobody waits");
    scene.background_work().await;
    assert_eq!(scene.tenant.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn old_keys_serve_through_an_outage_but_not_for_ever() {
    let scene = Scene::of(Tenant::publishing(&["a"]));
    assert_eq!(scene.find("a").await, Ok(()));
    scene.tenant.now_publishes(None);
    for _ in 0..23 {
        tokio::time::advance(FRESH_FOR).await;
        assert_eq!(scene.find("a").await, Ok(()));
        scene.background_work().await;
    }
    assert_eq!(scene.find("new").await, Err(NoKey::Unavailable));
    tokio::time::advance(FRESH_FOR).await;
    assert_eq!(scene.find("a").await, Err(NoKey::Unavailable));
    scene.tenant.now_publishes(Some(&["a"]));
    tokio::time::advance(PAUSE_WITHOUT_KEYS).await;
    assert_eq!(scene.find("a").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_outage_at_first_use_is_told_at_once_after_the_first_try() {
    let scene = Scene::of(Tenant::default());
    let found = futures_util::future::join_all((0..30).map(|_| scene.find("a"))).await;
    assert!(found.iter().all(|found| *found == Err(NoKey::Unavailable)));
    assert_eq!(scene.tenant.asked(), 1);
    scene.tenant.now_publishes(Some(&["a"]));
    tokio::time::advance(PAUSE_WITHOUT_KEYS).await;
    assert_eq!(scene.find("a").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_hangs_is_waited_for_so_long_and_no_longer() {
    let scene = Scene::of(Tenant {
        hangs: true,
        ..Tenant::default()
    });
    let before = Instant::now();
    assert_eq!(scene.find("a").await, Err(NoKey::Unavailable));
    assert_eq!(before.elapsed(), FETCH_TIMEOUT);
}
