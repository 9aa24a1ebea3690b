use std::net::Ipv4Addr;

use super::*;

/// Far longer than anything here takes, far shorter than the second after which a client knocks again.
const AT_ONCE: Duration = Duration::from_millis(500);

fn door(places: usize, refusals: usize) -> (Door, SocketAddr) {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let door = Door {
        refusals: Arc::new(Semaphore::new(refusals)),
        ..Door::new(listener, places)
    };
    (door, address)
}

async fn nobody_comes_in(door: &Door) -> bool {
    tokio::time::timeout(AT_ONCE / 5, door.next())
        .await
        .is_err()
}

#[tokio::test]
async fn beyond_the_places_a_few_are_refused_and_the_rest_waits_outside() {
    let (door, address) = door(2, 1);
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(TcpStream::connect(address).await.unwrap());
    }
    let first = door.next().await;
    let second = door.next().await;
    assert!(matches!(first, Visitor::Served(..)), "{first:?}");
    assert!(matches!(second, Visitor::Served(..)), "{second:?}");
    let third = door.next().await;
    assert!(matches!(third, Visitor::Refused(..)), "{third:?}");
    assert!(nobody_comes_in(&door).await);
    drop(third);
    let fourth = door.next().await;
    assert!(matches!(fourth, Visitor::Refused(..)), "{fourth:?}");
    drop(first);
    clients.push(TcpStream::connect(address).await.unwrap());
    let fifth = door.next().await;
    assert!(matches!(fifth, Visitor::Served(..)), "{fifth:?}");
}

#[tokio::test]
async fn a_place_that_became_free_while_nobody_came_is_given_away() {
    let (door, address) = door(1, 1);
    let _first_client = TcpStream::connect(address).await.unwrap();
    let first = door.next().await;
    let waiting = door.next();
    tokio::pin!(waiting);
    assert!(
        tokio::time::timeout(AT_ONCE / 5, &mut waiting)
            .await
            .is_err()
    );
    drop(first);
    let _second_client = TcpStream::connect(address).await.unwrap();
    let second = waiting.await;
    assert!(matches!(second, Visitor::Served(..)), "{second:?}");
}
