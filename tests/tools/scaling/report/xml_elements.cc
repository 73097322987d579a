// The elements of a drawing or a page.
#include "tests/tools/scaling/report/xml_elements.h"

#include <expat.h>

#include <memory>
#include <stdexcept>

namespace convoy::scaling {
namespace {

struct Reading {
  std::vector<XmlElement> elements;
  std::vector<size_t> open;
};

void Start(void* data, const char* name, const char** attributes) {
  auto& reading = *static_cast<Reading*>(data);
  XmlElement element{.name = name};
  for (; *attributes != nullptr; attributes += 2) element.attributes[attributes[0]] = attributes[1];
  reading.open.push_back(reading.elements.size());
  reading.elements.push_back(std::move(element));
}

void End(void* data, const char* name) {
  auto& reading = *static_cast<Reading*>(data);
  const size_t ended = reading.open.back();
  reading.open.pop_back();
  if (std::string(name) != "title" || reading.open.empty()) return;
  reading.elements[reading.open.back()].title = reading.elements[ended].text;
}

void Text(void* data, const char* text, int length) {
  auto& reading = *static_cast<Reading*>(data);
  if (reading.open.empty()) return;
  reading.elements[reading.open.back()].text.append(text, static_cast<size_t>(length));
}

}  // namespace

std::vector<XmlElement> XmlElements(const std::string& text) {
  const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreate("UTF-8"),
                                                                       &XML_ParserFree);
  Reading reading;
  XML_SetUserData(parser.get(), &reading);
  XML_SetElementHandler(parser.get(), Start, End);
  XML_SetCharacterDataHandler(parser.get(), Text);
  if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), 1) != XML_STATUS_OK) {
    throw std::runtime_error("line " + std::to_string(XML_GetCurrentLineNumber(parser.get())) +
                             ": " + XML_ErrorString(XML_GetErrorCode(parser.get())));
  }
  return std::move(reading.elements);
}

}  // namespace convoy::scaling
