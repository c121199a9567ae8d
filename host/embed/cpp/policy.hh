// A policy of vehicle-connector in a C++ program, over the C API of wasmtime and its C++ headers.
//
// Questions and answers are JSON, in the form that docs/embedding.md describes: members as in wit/policy.wit with `_`
// for `-`, what is absent is null. What a component is asked is read from the component itself, so nothing here is
// generated, and a field that a later version of the interface adds needs no change here.

#ifndef VEHICLE_CONNECTOR_POLICY_HH
#define VEHICLE_CONNECTOR_POLICY_HH

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <wasmtime.hh>
#include <wasmtime/component.hh>

namespace vehicle_connector {

using Json = nlohmann::json;

/// The policy cannot be loaded, or the question does not have the form of the interface. The text says what and where.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The policy gave no answer: it trapped, did too much, or wanted too much memory. Do as if its answers were `unknown`
/// and `give-up`; the next question meets a fresh instance.
struct NoAnswer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What one question may take; the memory is that of the host.
struct Limits {
  uint64_t fuel = 50'000'000; ///< instructions, about; the same on every machine
  int64_t memory = 8 << 20;   ///< bytes
};

namespace detail {

template <typename T> T must(wasmtime::Result<T> result, const std::string &what) {
  if (!result)
    throw Refused(what + ": " + result.err().message());
  return result.ok();
}

inline std::string json_name(std::string_view wit) {
  std::string name(wit);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// A type of the interface, read once from the component.
class Shape {
  using Val = wasmtime::component::Val;
  using ValType = wasmtime::component::ValType;

  struct Member {
    std::string wit;  ///< as the interface has it
    std::string json; ///< as JSON has it
    std::vector<Shape> of;
  };

  wasmtime_component_valtype_kind_t kind;
  std::vector<Member> members; ///< fields, cases or names; of an option the one that it holds
  /// Whether `other` alone has a payload, as in kinds, scopes and latches. Its name stands alone in JSON then.
  bool is_open_enum = false;

  [[noreturn]] static void refuse(const std::string &place, const std::string &what) {
    throw Refused((place.empty() ? "the question" : place) + ": " + what);
  }

  const Member *member(std::string_view wit) const {
    for (const auto &one : members)
      if (one.wit == wit)
        return &one;
    return nullptr;
  }

  template <typename T> static T number(const Json &json, const std::string &place) {
    using Range = std::numeric_limits<T>;
    bool fits = false;
    if (json.is_number_unsigned() || (json.is_number_integer() && json.get<int64_t>() >= 0))
      fits = json.get<uint64_t>() <= static_cast<uint64_t>(Range::max());
    else if (json.is_number_integer())
      fits = json.get<int64_t>() >= static_cast<int64_t>(Range::min());
    if (!fits)
      refuse(place, json.dump() + " is not a whole number from " + std::to_string(Range::min()) + " to " +
                        std::to_string(Range::max()));
    return json.get<T>();
  }

public:
  explicit Shape(const ValType &type) : kind(type.kind()) {
    const auto add = [this](std::string_view name, std::optional<ValType> of) {
      Member one{std::string(name), json_name(name), {}};
      if (of)
        one.of.emplace_back(*of);
      members.push_back(std::move(one));
    };
    switch (kind) {
    case WASMTIME_COMPONENT_VALTYPE_RECORD:
      for (size_t nth = 0; nth < type.record().field_count(); ++nth) {
        auto [name, of] = *type.record().field_nth(nth);
        add(name, of);
      }
      break;
    case WASMTIME_COMPONENT_VALTYPE_VARIANT:
      for (size_t nth = 0; nth < type.variant().case_count(); ++nth) {
        auto [name, of] = *type.variant().case_nth(nth);
        add(name, of);
      }
      is_open_enum = std::all_of(members.begin(), members.end(),
                                 [](const Member &one) { return one.of.empty() != (one.wit == "other"); });
      break;
    case WASMTIME_COMPONENT_VALTYPE_ENUM:
      for (size_t nth = 0; nth < type.enum_().names_count(); ++nth)
        add(*type.enum_().names_nth(nth), std::nullopt);
      break;
    case WASMTIME_COMPONENT_VALTYPE_OPTION:
      add("", type.option().ty());
      break;
    default:
      break;
    }
  }

  /// What the host hands over of a message: no more than so many bytes, and no half character.
  static std::string_view cut(std::string_view message) {
    constexpr size_t longest = 2'048;
    if (message.size() <= longest)
      return message;
    size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80)
      --end;
    return message.substr(0, end);
  }

  Val encode(const Json &json, const std::string &place) const {
    using namespace wasmtime::component;
    switch (kind) {
    case WASMTIME_COMPONENT_VALTYPE_BOOL:
      if (!json.is_boolean())
        refuse(place, json.dump() + " is neither true nor false");
      return Val(json.get<bool>());
    case WASMTIME_COMPONENT_VALTYPE_U16:
      return Val(number<uint16_t>(json, place));
    case WASMTIME_COMPONENT_VALTYPE_U32:
      return Val(number<uint32_t>(json, place));
    case WASMTIME_COMPONENT_VALTYPE_U64:
      return Val(number<uint64_t>(json, place));
    case WASMTIME_COMPONENT_VALTYPE_S64:
      return Val(number<int64_t>(json, place));
    case WASMTIME_COMPONENT_VALTYPE_STRING:
      if (!json.is_string())
        refuse(place, json.dump() + " is not a text");
      return Val::string(json.get_ref<const std::string &>());
    case WASMTIME_COMPONENT_VALTYPE_OPTION:
      if (json.is_null())
        return Val(WitOption(std::nullopt));
      return Val(WitOption(members[0].of[0].encode(json, place)));
    case WASMTIME_COMPONENT_VALTYPE_ENUM:
      if (!json.is_string() || !member(json.get_ref<const std::string &>()))
        refuse(place, json.dump() + " is no name of the interface");
      return Val::enum_(json.get_ref<const std::string &>());
    case WASMTIME_COMPONENT_VALTYPE_RECORD: {
      if (!json.is_object())
        refuse(place, json.dump() + " is not an object");
      std::vector<std::pair<std::string_view, Val>> fields;
      for (const auto &field : members) {
        const auto inner = place.empty() ? field.json : place + "." + field.json;
        const auto found = json.find(field.json);
        if (field.wit == "message" && found != json.end() && found->is_string())
          fields.emplace_back(field.wit, Val::string(cut(found->get_ref<const std::string &>())));
        else
          fields.emplace_back(field.wit, field.of[0].encode(found == json.end() ? Json() : *found, inner));
      }
      for (const auto &[name, _] : json.items())
        if (std::none_of(members.begin(), members.end(), [&](const Member &field) { return field.json == name; }))
          refuse(place, "the interface has no member \"" + name + "\"");
      return Val(Record(std::move(fields)));
    }
    case WASMTIME_COMPONENT_VALTYPE_VARIANT: {
      const bool has_payload = json.is_object() && json.size() == 1;
      if (!json.is_string() && !has_payload)
        refuse(place, json.dump() + " is neither a name nor an object with one member");
      const std::string name = has_payload ? json.begin().key() : json.get<std::string>();
      const Member *found = member(name);
      if (is_open_enum && !has_payload && (!found || !found->of.empty()))
        return Val(Variant("other", Val::string(name)));
      if (!found || found->of.empty() == has_payload)
        refuse(place, json.dump() + " is no case of the interface");
      if (!has_payload)
        return Val(Variant(name, std::nullopt));
      return Val(Variant(name, found->of[0].encode(*json.begin(), place + "." + name)));
    }
    default:
      refuse(place, "has a type that no policy uses");
    }
  }

  Json decode(const Val &value) const {
    switch (kind) {
    case WASMTIME_COMPONENT_VALTYPE_BOOL:
      return value.get_bool();
    case WASMTIME_COMPONENT_VALTYPE_U16:
      return value.get_u16();
    case WASMTIME_COMPONENT_VALTYPE_U32:
      return value.get_u32();
    case WASMTIME_COMPONENT_VALTYPE_U64:
      return value.get_u64();
    case WASMTIME_COMPONENT_VALTYPE_S64:
      return value.get_s64();
    case WASMTIME_COMPONENT_VALTYPE_F32:
      return value.get_f32();
    case WASMTIME_COMPONENT_VALTYPE_STRING:
      return value.get_string();
    case WASMTIME_COMPONENT_VALTYPE_OPTION: {
      const Val *inner = value.get_option().value();
      return inner ? members[0].of[0].decode(*inner) : Json();
    }
    case WASMTIME_COMPONENT_VALTYPE_ENUM:
      return value.get_enum();
    case WASMTIME_COMPONENT_VALTYPE_RECORD: {
      Json object = Json::object();
      for (const auto &field : value.get_record())
        if (const Member *found = member(field.name()))
          object[found->json] = found->of[0].decode(field.value());
      return object;
    }
    case WASMTIME_COMPONENT_VALTYPE_VARIANT: {
      const auto &variant = value.get_variant();
      const Member *found = member(variant.discriminant());
      if (!found || found->of.empty())
        return variant.discriminant();
      Json payload = found->of[0].decode(*variant.value());
      return is_open_enum ? payload : Json{{found->wit, std::move(payload)}};
    }
    default:
      throw Refused("the interface has a type that no policy uses");
    }
  }
};

} // namespace detail

/// A policy. All threads may ask it at once.
class Policy {
  struct Function {
    wasmtime::component::ExportIndex index;
    std::optional<detail::Shape> parameter;
    detail::Shape result;
  };

  Limits limits;
  // `mutable` for the headers alone: what is called of these two is shared access in wasmtime (`Engine` and `Linker`
  // are `Sync`), and nothing is defined in the linker.
  mutable wasmtime::Engine engine;
  wasmtime::component::Component component;
  mutable wasmtime::component::Linker linker;
  std::map<std::string, Function, std::less<>> functions;

  static wasmtime::Engine metered() {
    wasmtime::Config config;
    config.consume_fuel(true);
    return wasmtime::Engine(std::move(config));
  }

  static std::vector<uint8_t> bytes_of(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
    if (file.bad() || bytes.empty())
      throw Refused(path + ": cannot be read, or there is nothing in it");
    return bytes;
  }

  wasmtime::Store store() const {
    wasmtime::Store fresh(engine);
    fresh.limiter(limits.memory, 10'000, 64, 64, 4);
    detail::must(fresh.context().set_fuel(limits.fuel), "fuel");
    return fresh;
  }

  void find_functions(const std::string &path) {
    const auto interface = component.export_index(nullptr, "vehicle:connector/policy@0.2.0");
    if (!interface)
      throw Refused(path + ": does not export vehicle:connector/policy@0.2.0, so it is no policy of this version");
    auto once = store();
    const auto instance = detail::must(linker.instantiate(once, component), path);
    for (const char *name : {"describe", "classify", "decide", "admit-refresh", "circuit"}) {
      auto index = component.export_index(&*interface, name);
      const auto function = index ? instance.get_func(once, *index) : std::nullopt;
      if (!function)
        throw Refused(path + ": the interface has no function " + name);
      const auto type = function->type(once);
      std::optional<detail::Shape> parameter;
      if (type.param_count() > 0)
        parameter.emplace(type.param_nth(0)->second);
      functions.emplace(detail::json_name(name), Function{*index, std::move(parameter), detail::Shape(*type.result())});
    }
  }

public:
  /// Compiles the component in a file. Throws `Refused`.
  explicit Policy(const std::string &path, Limits limits = {})
      : limits(limits), engine(metered()), component([&] {
          auto bytes = bytes_of(path);
          return detail::must(wasmtime::component::Component::compile(engine, bytes), path);
        }()),
        linker(engine) {
    find_functions(path);
  }

  /// Asks `describe`, `classify`, `decide`, `admit_refresh` or `circuit`, in a fresh instance: nothing is remembered
  /// between questions. Throws `Refused` for what is no question of the interface, `NoAnswer` when the policy fails.
  Json ask(std::string_view name, const Json &question = {}) const {
    const auto found = functions.find(name);
    if (found == functions.end())
      throw Refused(std::string(name) + ": a policy has no such function");
    const auto &function = found->second;
    try {
      // wasmtime's C API ends the program for text that is not UTF-8; writing JSON only throws.
      (void)question.dump();
    } catch (const Json::type_error &error) {
      throw Refused(std::string("the question is not UTF-8: ") + error.what());
    }
    std::vector<wasmtime::component::Val> arguments;
    if (function.parameter)
      arguments.push_back(function.parameter->encode(question, ""));
    auto fresh = store();
    auto instance = linker.instantiate(fresh, component);
    if (!instance)
      throw NoAnswer(instance.err().message());
    std::vector<wasmtime::component::Val> answer{wasmtime::component::Val(false)};
    auto called = instance.ok().get_func(fresh, function.index)->call(fresh, arguments, answer);
    if (!called)
      throw NoAnswer(called.err().message());
    return function.result.decode(answer[0]);
  }
};

} // namespace vehicle_connector

#endif
