//! A bounded, ordered collection of stored objects.

use std::collections::VecDeque;

/// How many objects of one kind a project keeps; the oldest are dropped first.
pub(crate) const CAPACITY: usize = 2_000;

/// Something with an id.
pub(crate) trait Identified {
    /// The id the service gave it.
    fn id(&self) -> &str;
}

/// Objects in the order of their creation, at most [`CAPACITY`].
#[derive(Debug)]
pub(crate) struct Store<T> {
    objects: VecDeque<T>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Store {
            objects: VecDeque::new(),
        }
    }
}

impl<T: Identified> Store<T> {
    /// Adds an object; the oldest makes room when the store is full.
    pub(crate) fn insert(&mut self, object: T) {
        if self.objects.len() >= CAPACITY {
            self.objects.pop_front();
        }
        self.objects.push_back(object);
    }

    /// The object of this id. The newest are looked at first, since they are asked for most.
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.objects.iter().rev().find(|object| object.id() == id)
    }

    /// The object of this id, to change it.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.objects
            .iter_mut()
            .rev()
            .find(|object| object.id() == id)
    }

    /// Takes the object of this id out.
    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        let place = self.objects.iter().position(|object| object.id() == id)?;
        self.objects.remove(place)
    }

    /// All objects, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.objects.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Identified for String {
        fn id(&self) -> &str {
            self
        }
    }

    #[test]
    fn the_oldest_objects_make_room() {
        let mut store = Store::default();
        for number in 0..=CAPACITY {
            store.insert(number.to_string());
        }
        assert!(store.get("0").is_none());
        assert!(store.get("1").is_some());
        assert_eq!(store.iter().count(), CAPACITY);
    }
}
