// See transaction.h. Which call of the two table edits each request is.
#include "control/transaction.h"

#include <algorithm>
#include <chrono>
#include <new>

#include "route/route_edit.h"
#include "sa/sa_edit.h"

namespace spigrp {
namespace {

class Applier {
 public:
  Applier(const EditedTables& tables, Pace& pace, size_t edits)
      : sas_(tables.sas, tables.versions, &pace), routes_(tables.routes, tables.versions) {
    sas_.expect(edits);
  }

  Expected<void> operator()(const SaAdd& edit) { return sas_.add_sa(edit.spec); }
  Expected<void> operator()(const SaReplace& edit) { return sas_.replace_sa(edit.spec); }
  Expected<void> operator()(const SaDelete& edit) { return sas_.delete_sa(edit.id); }
  Expected<void> operator()(const SaClear& /*edit*/) {
    sas_.clear_sas();
    return {};
  }
  Expected<void> operator()(const GroupSet& edit) { return sas_.group(edit.members); }
  Expected<void> operator()(const GroupReplace& edit) { return sas_.replace_group(edit.members); }
  Expected<void> operator()(const GroupDissolve& edit) { return sas_.ungroup(edit.member); }

  Expected<void> operator()(const ErouteSet& edit) {
    const ErouteMode mode = edit.existing == ExistingEntry::kRefuse ? ErouteMode::kAdd : ErouteMode::kReplace;
    if (edit.dissolved) return sas_.set_dissolved_eroute(edit.selector, std::get<SaId>(edit.target), mode);
    return sas_.set_eroute(edit.selector, edit.target, mode);
  }
  Expected<void> operator()(const ErouteDelete& edit) { return sas_.delete_eroute(edit.selector); }
  Expected<void> operator()(const ErouteClear& /*edit*/) {
    sas_.clear_eroutes();
    return {};
  }

  Expected<void> operator()(const InterfaceCreate& edit) { return routes_.create_interface(edit.name); }
  Expected<void> operator()(const InterfaceDelete& edit) { return routes_.delete_interface(edit.name); }
  Expected<void> operator()(const InterfaceAttach& edit) { return routes_.attach_interface(edit.name, edit.port); }
  Expected<void> operator()(const InterfaceDetach& edit) { return routes_.detach_interface(edit.name); }
  Expected<void> operator()(const InterfaceClear& /*edit*/) {
    routes_.clear_interfaces();
    return {};
  }

  Expected<void> operator()(const AddressAdd& edit) { return routes_.add_address(edit.spec); }
  Expected<void> operator()(const AddressDelete& edit) { return routes_.delete_address(edit.spec); }
  Expected<void> operator()(const RouteAdd& edit) {
    return edit.existing == ExistingEntry::kRefuse ? routes_.add_route(edit.spec) : routes_.replace_route(edit.spec);
  }
  Expected<void> operator()(const RouteDelete& edit) { return routes_.delete_route(edit.destination); }
  Expected<void> operator()(const NeighbourSet& edit) { return routes_.set_neighbour(edit.spec); }
  Expected<void> operator()(const NeighbourDelete& edit) { return routes_.delete_neighbour(edit.address, edit.device); }

  void tell(Store::Writer& writer) const {
    sas_.tell(writer);
    routes_.tell(writer);
  }
  void link() {
    sas_.link([this] { routes_.link(); });
  }
  const SharedKeys& shared_keys() const noexcept { return sas_.shared_keys(); }

 private:
  SaEdit sas_;
  RouteEdit routes_;
};

// The generation that is being prepared: published, or else, where an edit is refused or memory runs out, discarded.
class Preparation {
 public:
  Preparation(Versions& versions, const Pace& pace) : versions_(versions), gives_turns_(pace.has_turns()) {}
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  ~Preparation() {
    if (!published_) versions_.discard();
  }

  // From the first link on there is no way back, so that nothing here may fail.
  void publish(Applier& applier) noexcept {
    const bool takes_long = gives_turns_ && std::chrono::steady_clock::now() - began_ >= kLong;
    versions_.begin_linking(takes_long ? kGenerationsBetween : 0);
    applier.link();
    versions_.publish();
    published_ = true;
  }

 private:
  // What was prepared within this is linked before anybody would miss that others publish.
  static constexpr std::chrono::milliseconds kLong{50};
  static constexpr Generation kGenerationsBetween = 1u << 24;

  Versions& versions_;
  const bool gives_turns_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  bool published_ = false;
};

Error not_stored(const Error& error) {
  return {error.object, "the change could not be stored, and was not made: " + error.problem, error.remedy};
}

}  // namespace

tl::expected<Published, RefusedEdit> apply(Edits& edits, const EditedTables& tables, Pace& pace,
                                           const TransactionWatch& watch) {
  Preparation preparation(tables.versions, pace);
  Applier applier(tables, pace, edits.size());
  for (; !edits.empty(); edits.pop_front()) {
    pace.step();
    const NumberedEdit& numbered = edits.front();
    if (const auto done = std::visit(applier, numbered.edit); !done) {
      return tl::unexpected(RefusedEdit{done.error(), numbered.line});
    }
    watch.applied(numbered.edit);
  }
  if (tables.store != nullptr) {
    Store::Writer writer(*tables.store, &tables.sas);
    applier.tell(writer);
    if (const auto stored = writer.commit(pace); !stored) {
      return tl::unexpected(RefusedEdit{not_stored(stored.error())});
    }
  }
  preparation.publish(applier);
  Published published{tables.versions.published(), {}};
  watch.published(published.generation);
  try {
    published.shared_keys = applier.shared_keys();
  } catch (const std::bad_alloc&) {  // they are in force, whether warned of or not
  }
  return published;
}

Expected<SharedKeys> apply_stored(Store& store, const EditedTables& tables) {
  Pace alone;
  Preparation preparation(tables.versions, alone);
  // At most, and it costs next to nothing.
  const size_t edits = std::max(tables.sas.sas().slot_count(), tables.sas.eroutes().slot_count());
  Applier applier(tables, alone, edits);
  const auto remembered = store.each_spent_key([&](const SpentKey& key) { tables.sas.spent_keys().add(key); });
  if (!remembered) return tl::unexpected(remembered.error());
  const auto highest = store.each_edit([&](const Edit& edit) { return std::visit(applier, edit); });
  if (!highest) return tl::unexpected(highest.error());
  preparation.publish(applier);
  tables.sas.number_edits_after(*highest);
  return applier.shared_keys();
}

}  // namespace spigrp
